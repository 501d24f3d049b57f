"""Curves, gradients and films of the networks beside each other; one slider moves them all, in the browser."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import streamlit as st

from ....figures import recall as drawn
from ....figures.reading import power
from ....figures.style import GRADIENT, LINES, SCALES
from ....text import Words
from ....training import recall
from ....training.config import Config
from ....training.recall import Result
from ... import state
from ...charts import OVER_UPDATES, Chart, charts, frames_of
from ...runs.spoken import learner
from .found import Shown
from .verdict import sample

ROADS = ("h", "c")


def updates(shown: Shown) -> list[int]:
    """Return all updates after which some network was filmed, in their order."""
    return sorted({int(step) for each in _alike(shown.results) for step in each.steps})


def show(words: Words, shown: Shown, at: int | None, follows: Mapping[str, object]) -> None:
    """Show accuracies, gradients at the chosen update, and films. at: that update, None for the newest."""
    theme = st.context.theme.type or "light"
    same = (words.language, theme, shown.id, shown.version)
    found = [_accuracy(*same, shown), *_fans(*same, shown)]
    step = follows["last"] if at is None else at
    alts = {f"fan_{road}": _told(words, shown, road, step) for road in ROADS}
    found = [chart._replace(alt=alts.get(chart.name, chart.alt)) for chart in found]
    with st.container(key="part_figure"):
        charts(found, theme, key="recall_curves", moment=follows)
    st.html(_reach_html(words, shown, step, theme) or "<p></p>")
    if updates(shown):
        _films(words, shown, same, theme, follows)


def _films(words: Words, shown: Shown, same: tuple, theme: str, follows: Mapping[str, object]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="recall_road"):
        st.markdown(f"#### {words('recall.film')}")
        state.remember(
            st.segmented_control,
            words("recall.road"),
            ROADS,
            format_func=lambda road: words(f"recall.road_{road}"),
            key="road",
            required=True,
            label_visibility="collapsed",
        )
        st.html(_legend(words, theme))
    charts(_strips(*same, st.session_state["road"], shown), theme, key="recall_films", moment=follows)
    st.caption(words("recall.film_read"))


# ---- Accuracy and gradients


def _name(words: Words, each: Result) -> str:
    return words("recall.point", **learner(words, each.config))


def _line(words: Words, each: Result, x: np.ndarray, y: np.ndarray, theme: str) -> drawn.Line:
    config = each.config
    return drawn.Line(_name(words, each), x, y, *drawn.look(config.cell, config.recurrent, config.forget_bias, theme))


@st.cache_data(show_spinner=False, max_entries=32)
def _accuracy(language: str, theme: str, id: str, version: object, _shown: Shown) -> Chart:
    """Return the accuracies over the updates. All who look share it: what it shows depends on what has no _ ."""
    words, results = Words(language), _shown.results
    lines = [_line(words, each, each.measured, each.accuracy, theme) for each in results]
    end = max(each.config.updates for each in results)
    hover = words("recall.accuracy_hover") + "<extra></extra>"
    figure = drawn.accuracy(lines, end, recall.CHANCE, words("recall.guessing", share=recall.CHANCE), hover, theme)
    title = words("recall.accuracy", count=results[0].config.validation)
    said = [
        words("recall.accuracy_one", name=_name(words, each), share=each.accuracy[-1])
        for each in results
        if len(each.accuracy)
    ]
    alt = words("recall.alt", title=title, told=words("runs.comma").join(said))
    return Chart("recall_accuracy", title, figure, alt, OVER_UPDATES).as_text()


@st.cache_data(show_spinner=False, max_entries=32)
def _fans(language: str, theme: str, id: str, version: object, _shown: Shown) -> list[Chart]:
    """Return the gradients by time step, in h and, where some network has one, in c; drawn as they are at the end."""
    words, alike = Words(language), _alike(_shown.results)
    known = [norms[np.isfinite(norms)] for each in alike for norms in each.norms.values()]
    known = np.concatenate([np.zeros(1, np.float32), *known])
    reach, found = (float(known.min()), float(known.max())), []
    told = {key: words(f"recall.{key}") for key in ("digit", "blank_rows")}
    told |= {key: words(f"recall.fan_{key}") + "<extra></extra>" for key in ("hover", "zero")}
    for road in ROADS:
        filmed = [each for each in alike if road in each.norms and len(each.steps)]
        if not filmed:
            continue
        rows = filmed[0].rows + 1
        lines = [_line(words, each, rows, each.norms[road][-1], theme) for each in filmed]
        config = filmed[0].config
        figure = drawn.fan(lines, config.steps, config.data.rows, reach, told, theme)
        packed = [drawn.frames(drawn.Film("", each.steps, each.norms[road])) for each in filmed]
        follow = frames_of(packed, rows, figure.layout.yaxis.range[0])
        found.append(Chart(f"fan_{road}", words(f"recall.fan_{road}"), figure, "", follow).as_text())
    return found


def _reaching(words: Words, shown: Shown, road: str, step: int) -> list[tuple[Config, str, str]]:
    """Return how much of the last step's gradient the first row gets at an update: the median of each kind's seeds."""
    found = []
    for own in shown.learners.values():
        norms = []
        for each in own:
            film = drawn.Film("", each.steps, each.norms.get(road, np.zeros((0, 0))))
            frame = drawn.at_update(film, step) if road in each.norms else None
            norms += [] if frame is None or np.isnan(film.log10[frame, 0]) else [float(film.log10[frame, 0])]
        if norms:
            config = own[0].config
            found.append((config, str(learner(words, config)["learner"]), power(float(np.median(norms)))))
    return found


def _told(words: Words, shown: Shown, road: str, step: int) -> str:
    """Return the same in one sentence, for those who do not see the figure."""
    reaching = [
        words("recall.reaches_one", name=name, power=norm) for _, name, norm in _reaching(words, shown, road, step)
    ]
    if not reaching:
        return ""
    return words.join([words("recall.reaches", step=step), words("recall.semicolon").join(reaching)])


def _reach_html(words: Words, shown: Shown, step: int, theme: str) -> str:
    """Return the same below the figures, in the columns of the networks, with a sample of each one's lines."""
    cells = [
        f"<div><small>{sample(config, theme)}{escape(name)}</small><b>{norm}</b></div>"
        for config, name, norm in _reaching(words, shown, "h", step)
    ]
    about = escape(words("recall.reaches", step=step))
    return f'<p class="reaching">{about}</p><div class="learners reach">{"".join(cells)}</div>' if cells else ""


def _alike(results: Sequence[Result]) -> list[Result]:
    """Return those whose sequences are as long as the first one's: only they stand on one axis."""
    return [each for each in results if each.config.steps == results[0].config.steps]


# ---- The films


@st.cache_data(show_spinner=False, max_entries=32)
def _strips(language: str, theme: str, id: str, version: object, road: str, _shown: Shown) -> list[Chart]:
    """Return a column of films for each kind of network, one film per seed."""
    words, found = Words(language), []
    hovers = [words(f"film.{key}") + "<extra></extra>" for key in ("hover", "zero")]
    end = max(each.config.updates for each in _shown.results)
    for name, own in _shown.learners.items():
        filmed = [each for each in _alike(_shown.results) if each in own and road in each.norms and len(each.steps)]
        filmed.sort(key=lambda each: each.config.seed)
        if not filmed:
            continue
        films = [drawn.Film(_name(words, each), each.steps, each.norms[road]) for each in filmed]
        figure = drawn.film(films, filmed[0].rows, filmed[0].config.data.rows, end, *hovers, theme)
        title = str(learner(words, filmed[0].config)["learner"])
        ends = [(float(each.norms[road][0, 0]), float(each.norms[road][-1, 0])) for each in filmed]
        said = [words("recall.film_one", seed=each.config.seed, before=power(first), now=power(last))
                for each, (first, last) in zip(filmed, ends, strict=True)]  # fmt: skip
        alt = words("recall.alt", title=title, told=words("recall.semicolon").join(said))
        found.append(Chart(f"film_{name}", title, figure, alt, OVER_UPDATES).as_text())
    return found


def _legend(words: Words, theme: str) -> str:
    """Return the colours of the films as HTML."""
    stops = ", ".join(f"{colour} {100 * share:.0f}%" for share, colour in SCALES[theme][GRADIENT.scale])
    low, high = power(GRADIENT.low), power(GRADIENT.high)
    zero = f'<b class="zero" style="background:{LINES[theme]["zero"]}"></b>{words("recall.zero")}'
    return (
        f'<p class="film-scale">≤ {low}<b style="background:linear-gradient(to right, {stops})"></b>≥ {high}'
        f"<span>{zero}</span></p>"
    )
