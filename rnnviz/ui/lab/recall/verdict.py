"""Which networks learned and which did not: what the eye sees first."""

from html import escape

from ....figures import recall as drawn
from ....figures.style import LINES
from ....text import Words
from ....training import recall
from ....training.config import Config
from ....training.recall import Result
from ...parts.legend import stripes
from ...runs.spoken import learner
from .found import Shown

CLOSE = 0.01
"""An accuracy so near to what counts as success is told with a decimal."""


def told(words: Words, shown: Shown, theme: str) -> str:
    """Return a column of HTML for each kind of network: its line, how many learned it, and every seed's accuracy."""
    cells = [_learner(words, own, theme) for own in shown.learners.values()]
    label = escape(words("recall.verdict"))
    return f'<div class="learners" role="list" aria-label="{label}">{"".join(cells)}</div>'


def _learner(words: Words, own: list[Result], theme: str) -> str:
    config = own[0].config
    colour, _ = drawn.look(config.cell, config.recurrent, config.forget_bias, theme)
    name = escape(str(learner(words, config)["learner"]))
    learned = sum(each.learned for each in own)
    kind = "all" if learned == len(own) else "some" if learned else "none"
    if any(each.reached is None for each in own) and not learned:
        kind = "open"
    mark = {"all": "✓", "some": "✓", "none": "✗", "open": ""}[kind]
    verdict = escape(words("recall.learned", learned=learned, count=len(own)))
    return (
        f'<section role="listitem" class="{kind}" style="--hue:{colour};--level:{LINES[theme]["level"]}">'
        f"<h4>{sample(config, theme)}{name}</h4>"
        f'<p class="verdict"><b aria-hidden="true">{mark}</b> {verdict}</p>'
        f"{_scale(own)}<ul>{''.join(_seed(words, each) for each in own)}</ul></section>"
    )


def sample(config: Config, theme: str) -> str:
    """Return a piece of a network's line as HTML."""
    colour, dash = drawn.look(config.cell, config.recurrent, config.forget_bias, theme)
    return f'<i class="line" aria-hidden="true" style="background:{stripes(dash, colour)}"></i>'


def _scale(own: list[Result]) -> str:
    """Return the accuracies as dots between 0 and 100 %, with a tick where guessing lies."""
    dots = [
        f'<i class="{"yes" if each.learned else "no"}" style="left:{100 * each.reached:.1f}%"></i>'
        for each in own
        if each.reached is not None
    ]
    chance = f'<u style="left:{100 * recall.CHANCE:.0f}%"></u>'
    return f'<div class="scale" aria-hidden="true">{chance}{"".join(dots)}</div>'


def percent(share: float) -> str:
    """Return an accuracy in percent, with a decimal where without it nobody could tell whether that is success."""
    return f"{share:.1%}" if abs(share - recall.LEARNED) < CLOSE else f"{share:.0%}"


def _seed(words: Words, each: Result) -> str:
    """Return one network's accuracy, and where it stands if it has not come to its end."""
    share = "–" if each.reached is None else percent(each.reached)
    if each.state == "finished":
        stands = ""
    elif each.state == "running":
        stands = words("recall.running", step=each.step, steps=each.config.updates)
    elif each.state == "failed":
        stands = words("recall.diverged" if each.reason == "diverged" else "run.state.failed")
    else:
        stands = words(f"run.state.{each.state}")
    kind = "yes" if each.learned else "no"
    title = escape(words("recall.seed_title", seed=each.config.seed))
    return (
        f'<li class="{kind}" title="{title}"><b>{share}</b>{f"<small>{escape(stands)}</small>" if stands else ""}</li>'
    )
