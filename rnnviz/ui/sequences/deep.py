"""Part 4: stacked layers, trained in the page: what each holds, how its gradient flows, and what depth buys."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from ... import figures, measures
from ...figures import over_time, style
from ...figures.layers import layers
from ...figures.over_time import Axis, Line
from ...network import Network
from ...tasks import depth, small_digits
from ...tasks.depth import DEEP, NARROW, TESTED, WIDE, Progress, Recipe
from ...text import Words
from ...trace import Trace, record
from .. import state
from ..charts import Chart, charts
from ..parts import stories
from ..parts.growing import Growing
from ..parts.learning import learning
from ..parts.legend import legend
from ..parts.lesson import lesson, predict
from ..slider import slider
from .updates import dotted, padded

PART = "deep"
TOLD = ("deep-three", "deep-four-start", "deep-shared", "deep-lstm", "deep-norm")
UNITS = (8, 24, 4)
RATES = [0.001, 0.002, 0.005, 0.01, 0.02]
HEIGHT = 260
NETWORKS = [style.RUNS[k] for k in (4, 5, 7)]
"""Looks of the compared networks: none that a layer has."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    now = st.session_state
    stories.buttons(words, TOLD)
    st.html(Path(__file__).with_name("deep.css"))
    left, right = st.columns([1, 3.4], gap="medium")
    with left, st.container(key="part_controls", gap="small"):
        recipe = _controls(words)
    work = _training(depth.compared(recipe)[DEEP], now["seed"])
    with right, st.container(key="part_figure", gap="small"):
        at = learning(words, work)
        kept = work.found[at - at % TESTED]
        number = _digit(words)
        image, label = (each[number - 1] for each in small_digits.part("test"))
        trace = record(kept.network, image, int(label))
        _inside(words, trace, at - at % TESTED, partial(_progress, words, recipe, work.found[: at + 1]))
    with left, st.container(key="deep_count", gap="small"):
        _count(words, recipe, kept.network)
    _bought(words, recipe)
    predict(words, PART)
    lesson(words, PART)
    return stories.link(PART)


def _controls(words: Words) -> Recipe:
    now = st.session_state
    if now["cell"] not in depth.CELLS:
        state.ignore("cell")
        now["cell"] = Recipe().cell
    now["rate"] = state.nearest(RATES, now["rate"])
    slider(words("deep.depth"), 1, depth.DEEPEST, 1, "depth")
    state.remember(
        st.pills, words("deep.cell"), list(depth.CELLS), format_func=lambda cell: words(f"cell.{cell}"), key="cell",
        required=True,
    )  # fmt: skip
    state.remember(
        st.segmented_control, words("deep.stacking"), list(depth.STACKINGS),
        format_func=lambda stacking: words(f"deep.{stacking}"), key="stacking", required=True,
    )  # fmt: skip
    slider(words("deep.units"), *UNITS, "units")
    state.remember(st.select_slider, words("shapes.rate"), RATES, key="rate", format_func="{:g}".format)
    return Recipe(*(now[key] for key in Recipe._fields))


@st.cache_resource(show_spinner=False, max_entries=16)  # of up to 5 MB each
def _training(recipe: Recipe, seed: int) -> Growing:
    return Growing(lambda: depth.training(recipe, seed), depth.UPDATES + 1)


def _digit(words: Words) -> int:
    now = st.session_state
    if not str(now["given"]).isdecimal():
        state.ignore("given")
        now["given"] = stories.PARTS[PART].defaults["given"]
    return slider(words("shapes.digit"), 1, len(small_digits.part("test").labels), 1, "given")


# ---- Inside, and how far it is beside one layer


def _inside(words: Words, trace: Trace, updates: int, below: Callable[[], None]) -> None:
    """Show what each layer holds, and beside it its gradient; below: shows what stands below the gradient."""
    theme, L = st.context.theme.type or "light", trace.num_layers
    titles = [words("deep.band_x"), *(words("deep.band_h", layer=k + 1) for k in range(L)), words("deep.band_probs")]
    hover = {name: words(f"deep.hover_{name}") + "<extra></extra>" for name in ("x", "h", "probs")}
    bands = layers(trace["x"], trace["h"], trace["probs"], titles, words("deep.across"), hover, theme)
    lines = [
        Line(words("deep.layer", layer=k + 1), measures.gradient_norms(trace, "h", k), look.colours[theme], look.dash)
        for k, look in zip(range(L), style.RUNS, strict=False)
    ]
    flow = over_time.over_time(
        lines, Axis(words("deep.axis_gradient")), words("deep.across"),
        {"line": words("deep.hover_gradient") + "<extra></extra>", "mark": "%{text}<extra></extra>"}, theme,
        height=HEIGHT,
    )  # fmt: skip
    answer, prob = trace.prediction, trace["probs"][-1].max()
    told = {"answer": answer, "prob": prob, "label": trace.label, "updates": updates}
    st.markdown(words("deep.answer", **told))
    ends = {"first": figures.power(lines[0].y[0]), "last": figures.power(lines[-1].y[-1])}
    left, right = st.columns(2, gap="medium")
    with left:
        alt = words("deep.alt_states", layers=L, **told)
        charts([Chart("deep_states", words("deep.title_states"), bands, alt)], theme, key="deep_states_charts")
    with right:
        numbers = [f"{figures.power(line.y[0])} → {figures.power(line.y[-1])}" for line in lines]
        legend(lines, numbers, words("deep.gradient_lead"))
        alt = words("deep.alt_gradient", **ends)
        charts([Chart("deep_gradient", words("deep.title_gradient"), flow, alt)], theme, key="deep_gradient_charts")
        below()


def _names(words: Words, recipe: Recipe) -> list[str]:
    """Return what the compared networks are called."""
    narrow = words("deep.narrow", units=recipe.units)
    if recipe.depth == 1:
        return [narrow]
    return [words("deep.deep", layers=recipe.depth), narrow, words("deep.wide", units=depth.as_wide_as(recipe).units)]


def _progress(words: Words, recipe: Recipe, found: Sequence[Progress]) -> None:
    """Show the legend of the compared networks, and their curves."""
    theme = st.context.theme.type or "light"
    losses = np.array([each.losses for each in found])  # (updates, networks)
    shares = np.array([found[k - k % TESTED].accuracies for k in range(len(found))])  # as last tested
    looks = [(look.colours[theme], look.dash) for look in NETWORKS]
    of_loss, of_share = (
        [
            Line(name, padded(column, depth.UPDATES), *look, width=2.0)
            for name, column, look in zip(_names(words, recipe), values.T, looks, strict=False)
        ]
        for values in (losses, shares)
    )
    last = shares[-1]
    tested = len(found) - 1 - (len(found) - 1) % TESTED
    legend(of_share, [f"{share:.1%}" for share in last], words("deep.accuracy_lead", updates=tested))
    hover = {key: {"line": words(f"deep.hover_{key}") + "<extra></extra>", "mark": ""} for key in ("loss", "share")}
    guessing = float(np.log(small_digits.CLASSES))
    loss = over_time.over_time(
        of_loss, Axis(words("deep.axis_loss"), False, (0.0, guessing)), words("deep.updates"), hover["loss"], theme,
        level=guessing, height=HEIGHT, first=0,
    )  # fmt: skip
    share = over_time.over_time(
        of_share, Axis(words("deep.axis_share"), False, (0.0, 1.0)), words("deep.updates"), hover["share"], theme,
        height=HEIGHT, first=0,
    )  # fmt: skip
    share.update_yaxes(tickformat=".0%")
    loss, share = (dotted(figure, len(losses[0]), len(found) - 1) for figure in (loss, share))
    numbers = {"loss": losses[-1, DEEP], "accuracy": last[DEEP], "narrow": last[NARROW] if len(last) > 1 else last[0]}
    items = [
        Chart("deep_share", words("deep.title_share"), share, words("deep.alt_share", **numbers)),
        Chart("deep_loss", words("deep.title_loss"), loss, words("deep.alt_loss", **numbers)),
    ]
    charts(items, theme, key="deep_charts")


# ---- Parameters, and what depth buys


def _count(words: Words, recipe: Recipe, network: Network) -> None:
    """Show how many numbers every part learns, with the sum that they are."""
    H, D, K, G = network.hidden_size, network.input_size, network.num_classes, len(network.kind.blocks)
    extra = sum(int(np.prod(shape)) for shape in network.kind.extras(H).values())
    rows = []
    for part, count in depth.parameters(network).items():
        if part == "head":
            formula = f"{K} · ({H} + 1)"
        elif part == "project":
            formula = f"{H} · ({D} + 1)"
        else:
            reads = D if part == "1" and not network.projection else H
            formula = f"{f'{G} · ' if G > 1 else ''}{H} · ({reads} + {H} + 2)" + (f" + {extra}" if extra else "")
        if part.isdigit():
            name = (
                words("deep.all_layers", layers=network.num_layers)
                if network.shared
                else words("deep.layer", layer=part)
            )
        else:
            name = words(f"deep.part_{part}")
        rows.append(f"| {name} | {formula} | {count:,} |")
    rows.append(f"| **{words('deep.total')}** | | **{network.num_parameters:,}** |")
    head = f"| {words('deep.parameters')} | | |\n|---|---|---:|\n"
    st.markdown(head + "\n".join(rows))


def _bought(words: Words, recipe: Recipe) -> None:
    """Show what three seeds gave for every number of layers, measured beforehand."""
    known = depth.measured()
    rows = []
    for layers_ in range(1, depth.DEEPEST + 1):
        stacking = "own" if layers_ == 1 else recipe.stacking
        if row := known.get(Recipe(recipe.cell, layers_, stacking)):
            wide = f"{row.units[WIDE]} | {_spread(row.accuracies[WIDE])}" if layers_ > 1 else "| "
            rows.append(f"| {layers_} | {row.parameters[DEEP]:,} | {_spread(row.accuracies[DEEP])} | {wide} |")
    if not rows:
        return
    own = Recipe()
    told = {"cell": words(f"cell.{recipe.cell}"), "stacking": words(f"deep.{recipe.stacking}")}
    with st.container(key="deep_bought"):
        st.subheader(words("deep.bought"), anchor=False)
        head = " | ".join(words(f"deep.column_{name}") for name in ("layers", "parameters", "deep", "units", "wide"))
        st.markdown(f"| {head} |\n|---|---:|---|---:|---|\n" + "\n".join(rows))
        st.caption(words("deep.bought_how", units=own.units, rate=own.rate, updates=depth.UPDATES, **told))


def _spread(shares: Sequence[float]) -> str:
    """Return the mean, and the lowest and highest of some shares."""
    return f"**{np.mean(shares):.1%}** ({min(shares):.1%}–{max(shares):.1%})"
