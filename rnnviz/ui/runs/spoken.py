"""Numbers and standings of runs as people read them; and as HTML, escaped, for `clicks`."""

import base64
import io
from collections.abc import Sequence
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

import numpy as np
import streamlit as st

from ...cells import CELLS
from ...figures.style import RUNS
from ...text import Words
from ...training import recall
from ...training.config import CHOICES, Config
from . import heard, known
from .known import Entry, Result

SCORES = {"accuracy": "{:.2%}", "psnr": "{:.2f} dB"}


def scored(measure: str, score: float | None) -> str:
    """Return an accuracy in percent, or a PSNR in decibels; a dash where there is none."""
    return "–" if score is None else SCORES[measure].format(score)


def score(words: Words, entry: Entry, result: Result, kind: str) -> tuple[str, str]:
    """Return a run's score on "validation" or "test", and what has to be known of it; a dash where there is none.

    One that was measured while it trained, and is not that of the result, tells after which update and on what.
    """
    own = getattr(result, kind)
    if own is not None:
        best = kind == "validation" and entry.plan.config.keep == "best" and result.measurements > 1
        return scored(entry.measure, own), words("runs.best_of", count=result.measurements) if best else ""
    if result.watched is None or entry.plan.config.watch != kind:
        return "–", ""
    count, step, told = entry.plan.config.watched, result.measured_at, scored(entry.measure, result.watched)
    if kind == "test" and count < entry.plan.config.data.test:
        return told, words("runs.first_only", step=step, count=count)
    return told, words("runs.at_update", step=step)


def watched(words: Words, config: Config) -> str:
    """Return what the score is measured on while it learns."""
    if config.watch == "test":
        form = "test" if config.watched < config.data.test else "all_test"
    else:
        form = "fold" if config.folds else "validation"
    return words(f"runs.on.{form}", count=config.watched)


def extent(measure: str, values: list[float | None]) -> str:
    """Return the smallest and the largest score; a dash where there is none."""
    ends = sorted({value for value in values if value is not None})
    return " – ".join(dict.fromkeys(scored(measure, end) for end in (ends[0], ends[-1]))) if ends else "–"


def plus_minus(measure: str, values: list[float | None]) -> str:
    """Return mean ± standard deviation of scores; a dash where there is none."""
    found = known.spread(values)
    if found is None:
        return "–"
    mean, deviation = scored(measure, found[0]), deviating(measure, found[1])
    return f"{mean} ± {deviation}" if sum(value is not None for value in values) > 1 else mean


def deviating(measure: str, deviation: float) -> str:
    """Return a standard deviation of scores without their unit: percentage points, or decibels."""
    return f"{100 * deviation:.2f}" if measure == "accuracy" else f"{deviation:.2f}"


def duration(words: Words, seconds: float) -> str:
    """Return a duration in the two largest units it has."""
    whole = round(seconds)
    if whole < 1:
        return words("runs.under_a_second") if seconds else "–"
    if whole < 60:
        return words("runs.seconds", s=whole)
    if whole < 3600:
        return words("runs.minutes", m=whole // 60, s=whole % 60)
    return words("runs.hours", h=whole // 3600, m=whole % 3600 // 60)


def moment(seconds: float) -> str:
    """Return a moment (seconds since 1970) on the reader's own clock; a dash for 0."""
    if not seconds:
        return "–"
    try:
        zone = ZoneInfo(st.context.timezone) if st.context.timezone else None
    except (KeyError, ValueError, OSError):  # a server without a database of time zones
        zone = None
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M")


def megabytes(size: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if size < 100 else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def network(words: Words, config: Config) -> str:
    """Return cell, layers and units of what is trained."""
    layers = f"{config.num_layers} × " if config.num_layers > 1 else ""
    return f"{words(f'cell.{config.cell}')} · {layers}{config.hidden_size}"


def value(words: Words, name: str, given: object) -> str:
    """Return a setting's value in words."""
    if isinstance(given, bool):
        return words("runs.yes" if given else "runs.no")
    if given is None:
        return words("runs.none")
    if name == "cell" and given in CELLS:
        return words(f"cell.{given}")
    if name in CHOICES:
        return words(f"option.{name}.{given}")
    if name == "fold":  # counted from 1 on screen, from 0 in code
        return str(given + 1)
    return f"{given:,}" if isinstance(given, int) else f"{given:g}"


def title(words: Words, entry: Entry) -> str:
    """Return what a run is called, with its place in its group unless it was given a name of its own."""
    group = entry.group
    if group is None or entry.name != (entry.plan.name or entry.id):
        return entry.name
    name = group.name or entry.name
    if group.kind == "kfold":
        return words("live.fold", name=name, index=group.index + 1, count=group.count)
    if group.kind == "recall":
        return words("live.recall_point", name=name, **learner(words, entry.plan.config))
    return words("live.point", name=name, values=point(words, entry))


def learner(words: Words, config: Config) -> dict[str, object]:
    """Return what tells the networks of a delayed recall apart: the kind of network, and its seed."""
    name = recall.learner_of(config)
    return {"learner": words(f"learner.{name}" if name else f"cell.{config.cell}"), "seed": config.seed}


def point(words: Words, entry: Entry) -> str:
    """Return a run of a group by what it differs in: its settings, or which network it is."""
    if entry.group.kind == "recall":
        return words("recall.point", **learner(words, entry.plan.config))
    said = (f"{words(f'field.{name}.label')} {value(words, name, v)}" for name, v in entry.group.values.items())
    return words("runs.comma").join(said)


def standing(words: Words, entry: Entry) -> str:
    """Return where a run stands, while it trains with its progress."""
    text = words(f"run.state.{entry.standing}")
    return f"{text} {known.progress(entry):.0%}" if entry.standing in ("running", "stopping") else text


# ---- As HTML


def picture(image: np.ndarray) -> str:
    """Return a picture (R, C) of bytes, bright ink on black, as the address of a PNG that holds it."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.asarray(image, np.uint8)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def standing_html(words: Words, entry: Entry) -> str:
    """Return where a run stands, with a mark, the bar of its progress, and why it cannot start, if that is so."""
    bar = ""
    if entry.standing in ("running", "stopping"):
        share = known.progress(entry)
        bar = f'<progress max="1" value="{share:.3f}" aria-label="{escape(words("runs.progress"))}"></progress>'
    why = heard.trouble(entry.id, entry.state)
    stuck = why_html(words("cluster.cannot_start"), [why]) if why else ""
    return mark_html(entry.standing, standing(words, entry)) + bar + stuck


def why_html(text: str, whys: Sequence[str]) -> str:
    """Return a small line of plain words, which tells the reasons to who points at it."""
    title = escape("\n".join(dict.fromkeys(whys)))
    return f'<small title="{title}">{escape(text)}</small>'


def mark_html(standing: str, text: str) -> str:
    """Return plain words with the mark of a standing in front."""
    return f'<span class="{standing}"><i aria-hidden="true"></i>{escape(text)}</span>'


def head_html(titles: list[str], numbers: int = 0, ticks: str = "") -> str:
    """Return a table's head. numbers: how many of the last columns hold numbers; ticks: what the boxes are for."""
    first = f'<th scope="col"><span class="hidden">{escape(ticks)}</span></th>' if ticks else ""
    kinds = [""] * (len(titles) - numbers) + [' class="number"'] * numbers
    cells = [f'<th scope="col"{kind}>{escape(title)}</th>' for kind, title in zip(kinds, titles, strict=True)]
    return f"<tr>{first}{''.join(cells)}</tr>"


def row_html(words: Words, id: str, name: str) -> str:
    """Return the beginning of a row that opens a run or a group, with the box that ticks it."""
    id, label = escape(id), escape(words("runs.tick_one", name=name))
    box = f'<input type="checkbox" data-tick="{id}" aria-label="{label}">'
    return f'<tr class="tickable" data-click="{id}"><td class="tick"><label>{box}</label></td>'


def name_html(id: str, name: str, before: str = "", below: str = "") -> str:
    """Return the cell with a run's name, which opens it. before: HTML; below: plain words."""
    under = f"<small>{escape(below)}</small>" if below else ""
    return f'<td class="name">{before}<button data-click="{escape(id)}">{escape(name)}</button>{under}</td>'


def cell_html(text: str) -> str:
    """Return a cell with plain words; on a phone nothing stands where there is nothing to say."""
    return f'<td class="none">{text}</td>' if text == "–" else f"<td>{escape(text)}</td>"


def number_html(label: str, text: str, below: str = "") -> str:
    """Return a cell with a number; on a phone its label stands beside it. below: plain words."""
    kind = "number none" if text == "–" else "number"
    under = f"<small>{escape(below)}</small>" if below else ""
    return f'<td class="{kind}" data-label="{escape(label)}">{escape(text)}{under}</td>'


def line_html(index: int) -> str:
    """Return how the line of the run with that number is drawn in the figures."""
    look = RUNS[index % len(RUNS)]
    colours = "; ".join(f"--{theme}:{colour}" for theme, colour in look.colours.items())
    dashes = {"solid": "", "dash": "9 5", "dot": "3 4", "dashdot": "9 4 3 4", "longdash": "16 5"}[look.dash]
    line = f'<line x1="0" y1="6" x2="38" y2="6" stroke-dasharray="{dashes}"/>'
    return f'<svg class="line" viewBox="0 0 38 12" aria-hidden="true" style="{colours}">{line}</svg>'
