"""Part 2: why a gradient vanishes, or does not: the Jacobian of every step, and the roads through the gates."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import streamlit as st

from ... import figures, measures
from ...cells import CELLS
from ...figures import over_time, style
from ...figures.over_time import Axis, Line
from ...text import Words
from ..charts import Chart, charts
from ..parts.legend import legend
from ..reading import jacobian_fits
from . import subject
from .subject import Subject

TOLD = (
    "why-rnn", "why-orthogonal", "why-expanding", "why-lstm", "why-bias", "why-trained-rnn", "why-trained-lstm"
)  # fmt: skip
HALF_LIVES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, np.inf)
HEIGHT = 320
MAX_SPECTRA = 2_000_000_000
"""Steps times the cube of the state's size: what eigenvalues cost, here about seven seconds."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    return subject.part(words, "why", TOLD, _explain)


def _explain(words: Words, seen: Subject) -> None:
    theme = st.context.theme.type or "light"
    size = seen.network.hidden_size * len(seen.network.kind.states)
    if not jacobian_fits(seen.network, len(seen.trace)) or len(seen.trace) * size**3 > MAX_SPECTRA:
        st.info(words("why.too_long"), icon=":material/hourglass_disabled:")
        return
    with st.spinner(words("why.working")):
        found = numbers(seen.key, seen)
    roads = _roads(words, seen, found, theme)
    legend(roads, [figures.power(line.y[0]) for line in roads], words("why.reaches", title=seen.title))
    st.markdown(_summary(words, seen, found))
    items = [
        _over_time(words, "roads", roads, Axis(words("why.axis_roads"), holds=(0.0, -1.0)), seen, theme, 0.0),
        _over_time(words, "spectra", _largest(words, found, theme), Axis(words("why.axis_spectra"), holds=(-0.3, 0.3)),
                   seen, theme, 0.0),
        _over_time(words, "factors", _factors(words, found, theme), Axis(words("why.axis_factors"), False, (0.0, 1.0)),
                   seen, theme),
        _over_time(words, "smallest", _smallest(words, found, theme), Axis(words("why.axis_spectra")), seen, theme),
    ]  # fmt: skip
    if "half_lives" in found:
        items.insert(3, _half_lives(words, found["half_lives"], len(seen.trace), theme))
    charts(items, theme, key="why_charts")
    st.caption(words("why.read"))
    if ((found["smallest"] > 0) & (found["smallest"] <= found["resolution"])).any():
        st.caption(words("mark.spectra_resolution.read"))
    if (found["smallest"] == 0).any():
        st.caption(words("mark.spectra_zero.read"))


@st.cache_data(show_spinner=False, max_entries=128)
def numbers(key: tuple, _seen: Subject) -> dict[str, np.ndarray]:
    """Return all that the part draws of a subject, by name; gradients and Jacobians as log10."""
    network, trace, layer = _seen.network, _seen.trace, _seen.level
    found = {"h": measures.gradient_norms(trace, "h", layer, relative=True)}
    found["jacobian"] = measures.jacobian_norms(network, trace, layer)
    spectra = measures.step_spectra(network, trace, layer)
    found |= {name: getattr(spectra, name) for name in ("largest", "smallest", "radius", "resolution")}
    if network.cell.startswith("rnn_"):
        found["bound"] = measures.linear_bound(network, trace, layer)
        found["factor"] = measures.activation_slopes(network, trace, layer)
        return found
    if "c" in network.kind.states:
        found["c"] = measures.gradient_norms(trace, "c", layer, relative=True)
        found["cell"] = measures.jacobian_norms(network, trace, layer, of="c")
    found["direct"] = measures.direct_road(trace, layer)
    found["factor"] = measures.kept(trace, layer)
    found["half_lives"] = measures.half_lives(trace, layer)
    return found


# ---- Lines


def _roads(words: Words, seen: Subject, found: Mapping[str, np.ndarray], theme: str) -> list[Line]:
    """Return what reaches each step of what is there at the last one, by every road that the cell has."""
    colours, hue = style.LINES[theme], style.CELLS[theme][seen.network.cell]
    lines = [Line(words("why.measured_h"), found["h"], hue, "solid")]
    if "c" in found:
        lines.append(Line(words("why.measured_c"), found["c"], hue, "dash"))
    lines.append(Line(words("why.jacobian"), found["jacobian"], colours["jacobian"], "dashdot"))
    if "cell" in found:
        lines.append(Line(words("why.cell_road"), found["cell"], colours["x"], "longdash"))
    if "direct" in found:
        gate = "f" if "f" in CELLS[seen.network.cell].blocks else "z"
        lines.append(Line(words(f"why.direct_{gate}"), found["direct"].max(axis=1), colours["curve"], "dot"))
    if "bound" in found:
        lines.append(Line(words("why.bound"), found["bound"], colours["level"], "dot"))
    return lines


def _largest(words: Words, found: Mapping[str, np.ndarray], theme: str) -> list[Line]:
    colours = style.LINES[theme]
    with np.errstate(divide="ignore"):
        return [
            Line(words("why.largest"), np.log10(found["largest"]), colours["curve"]),
            Line(words("why.radius"), np.log10(found["radius"]), colours["jacobian"], "dash"),
        ]


def _smallest(words: Words, found: Mapping[str, np.ndarray], theme: str) -> list[Line]:
    """Return the smallest singular values; those that are only rounding are marked, not drawn."""
    unseen = (found["smallest"] <= found["resolution"]) & (found["smallest"] > 0)
    with np.errstate(divide="ignore"):
        values = np.where(unseen, np.nan, np.log10(found["smallest"]))
    marks = {"resolution": (np.flatnonzero(unseen) + 1).tolist()} if unseen.any() else {}
    return [Line(words("why.smallest"), values, style.LINES[theme]["curve"], "dot", marks=marks)]


def _factors(words: Words, found: Mapping[str, np.ndarray], theme: str) -> list[Line]:
    low, middle, high = np.quantile(found["factor"], (0.1, 0.5, 0.9), axis=1)
    name = words("why.slope" if "bound" in found else "why.gate")
    return [Line(name, middle, style.LINES[theme]["c"], "solid", low, high)]


# ---- Charts


def _over_time(
    words: Words, name: str, lines: Sequence[Line], axis: Axis, seen: Subject, theme: str, level: float | None = None
) -> Chart:
    hover = {"line": f"{words('fan.hover_plain')}<extra></extra>", "mark": "%{text}<extra></extra>"}
    steps = len(seen.trace)
    shade = (steps - seen.delay + 0.5, steps + 0.5, words("fan.blank")) if seen.delay else None
    named = name != "roads"  # these stand in the legend, with their numbers
    figure = over_time.over_time(
        lines, axis, words("fan.across"), hover, theme, level, shade, height=HEIGHT, named=named
    )
    told = [
        words("why.alt", name=line.name, first=_number(line.y[0], axis.log), last=_number(line.y[-1], axis.log))
        for line in lines
    ]
    return Chart(name, words(f"why.title_{name}"), figure, words.join(told))


def _number(value: float, log: bool) -> str:
    return figures.power(value) if log else f"{value:.2f}"


def _half_lives(words: Words, half_lives: np.ndarray, steps: int, theme: str) -> Chart:
    counts = [int(((half_lives >= low) & (half_lives < high)).sum()) for low, high in pairwise(HALF_LIVES)]
    counts[-1] += int(np.isinf(half_lives).sum())
    labels = [f"{low:g}–{high:g}" for low, high in pairwise(HALF_LIVES[:-1])] + [f"> {HALF_LIVES[-2]:g}"]
    titles = {"x": words("why.half_life"), "y": words("why.units")}
    hover = words("why.half_life_hover") + "<extra></extra>"
    figure = over_time.histogram(
        HALF_LIVES[:-1], counts, labels, titles, style.LINES[theme]["c"], hover, theme, height=HEIGHT
    )
    longer = float((half_lives > steps).mean())
    alt = words("why.half_life_alt", median=float(np.median(half_lives)), longer=longer, steps=steps)
    return Chart("half_lives", words("why.title_half_lives"), figure, alt)


def _summary(words: Words, seen: Subject, found: Mapping[str, np.ndarray]) -> str:
    """Return in a sentence what a step does to the gradient, by its measured mean."""
    h, steps = found["h"], len(seen.trace)
    told = []
    if steps > 1 and np.isfinite(h[0]):
        told.append(words("why.per_step", factor=10 ** (h[0] / (steps - 1)), steps=steps - 1))
    told.append(
        words("why.sizes", largest=float(np.median(found["largest"])), radius=float(np.median(found["radius"])))
    )
    if "half_lives" in found:
        told.append(words("why.keeps", median=float(np.median(found["half_lives"]))))
    return words.join(told)
