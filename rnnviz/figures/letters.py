"""Pictures of a network that learns letters: what it says at every step, what it remembers, how soon it has learnt."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from .style import LINES, PROBABILITY, RUNS, SCALES, STATE, Kind, Look

HEIGHT = 260
WRITTEN = 8
"""Up to so many columns and rows, the cells have their numbers written into them."""


def look(step: int) -> Look:
    """Return how the line of a time step, from 0, is drawn: no two of sixteen alike."""
    dashes = [each.dash for each in RUNS[:5]]
    own = RUNS[step % len(RUNS)]
    return own if step < len(RUNS) else own._replace(dash=dashes[(dashes.index(own.dash) + 2) % len(dashes)])


def answers(
    probs: np.ndarray, targets: np.ndarray, across: Sequence[str], letters: Sequence[str], hover: str,
    theme: str = "light", height: int = HEIGHT,
) -> go.Figure:  # fmt: skip
    """Return the probabilities (T, K) of all letters at every step, a column per step and a row per letter.

    A frame marks the right letter of each step, targets (T,), a dot the most probable one, red where it is wrong.
    across: what is read at the steps. hover: Plotly's hovertemplate; its customdata are the two letters.
    """
    figure = _heatmap(np.asarray(probs).T, across, letters, PROBABILITY, hover, theme, height, "{:.0%}")
    edge = {"color": LINES[theme]["curve"], "width": 3}
    for step, target in enumerate(targets):
        corners = {"x0": step - 0.46, "x1": step + 0.46, "y0": int(target) - 0.46, "y1": int(target) + 0.46}
        figure.add_shape(type="rect", line=edge, **corners)
    said = np.argmax(probs, axis=1)
    colours = [LINES[theme]["curve" if right else "level"] for right in said == np.asarray(targets)]
    dot = {"symbol": "circle", "size": 9, "color": colours, "line": {"width": 1.5, "color": "#FFFFFF"}}
    where = {"x": np.arange(len(said)) + 0.33, "y": said - 0.27}
    return figure.add_trace(go.Scatter(**where, mode="markers", marker=dot, hoverinfo="skip", showlegend=False))


def memory(h: np.ndarray, across: Sequence[str], hover: str, theme: str = "light", height: int = HEIGHT) -> go.Figure:
    """Return the hidden states h (T, H), a column per step and a row per unit. across: what is read at the steps."""
    units = [f"{unit}" for unit in range(1, h.shape[1] + 1)]
    return _heatmap(np.asarray(h).T, across, units, STATE, hover, theme, height, "{:+.2f}")


def _heatmap(
    values: np.ndarray, across: Sequence[str], down: Sequence[str], kind: Kind, hover: str, theme: str, height: int,
    written: str,
) -> go.Figure:  # fmt: skip
    rows, columns = values.shape
    # Positions are numbers, their names are told apart: a letter such as "1" would be taken for one.
    names = [[(escape(above), escape(beside)) for above in across] for beside in down]
    heatmap = go.Heatmap(
        z=values.astype(np.float32), zmin=kind.low, zmax=kind.high, colorscale=SCALES[theme][kind.scale],
        showscale=False, customdata=names, hovertemplate=hover, xgap=1, ygap=1,
    )  # fmt: skip
    if rows <= WRITTEN and columns <= WRITTEN:
        heatmap.update(text=[[written.format(value) for value in row] for row in values], texttemplate="%{text}")
    bare = {"fixedrange": True, "showgrid": False, "zeroline": False, "ticks": "", "ticklabelstandoff": 6}
    side = [escape(name) for name in down]
    layout = {
        "xaxis": {
            **bare, "tickvals": list(range(columns)), "ticktext": [escape(name) for name in across], "side": "top",
            "range": [-0.5, columns - 0.5], "tickangle": 0 if max(map(len, across)) < 5 else None,
        },
        "yaxis": {
            **bare, "tickvals": list(range(rows)), "ticktext": side, "range": [rows - 0.5, -0.5], "automargin": True,
        },
        "height": height,
        "margin": {"l": 40, "r": 14, "t": 34, "b": 8},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 15, "color": LINES[theme]["text"]},
    }  # fmt: skip
    return go.Figure(heatmap, layout)


_FRAME = {"l": 56, "r": 44, "t": 10, "b": 46}
_ASIDE, _LINE, _NAME = 22, 21, 60
"""Pixels from a point to its name, from one name to the one below it, and that a name is wide at most, about."""


def moving(
    paths: np.ndarray, at: int, names: Sequence[str], looks: Sequence[tuple[str, str]], titles: Mapping[str, str],
    hover: str, theme: str = "light", height: int = 390, chosen: int | None = None,
) -> go.Figure:  # fmt: skip
    """Return points as they stand after `at` updates of their paths (N, K, 2), each with its way behind it.

    The axes hold the whole paths, so that nothing but the points moves. looks: colour and Plotly symbol of each.
    titles: "x" and "y". hover: Plotly's hovertemplate, its text is the name. chosen: a point that is ringed.
    """
    colours = LINES[theme]
    held = paths.reshape(-1, 2)
    middle, reach = (held.max(axis=0) + held.min(axis=0)) / 2, float(np.ptp(held, axis=0).max()) * 0.58 or 1.0
    traces = []
    for k, (colour, _) in enumerate(looks):
        x, y = paths[: at + 1, k].astype(np.float32).T
        way = {"color": colour, "width": 2}
        traces.append(go.Scatter(x=x, y=y, mode="lines", line=way, opacity=0.55, hoverinfo="skip"))
    marks = {"color": [colour for colour, _ in looks], "symbol": [symbol for _, symbol in looks]}
    begun, now = paths[0].astype(np.float32).T, paths[at].astype(np.float32).T
    hollow = marks | {"symbol": [f"{symbol}-open" for _, symbol in looks], "size": 8}
    traces.append(go.Scatter(x=begun[0], y=begun[1], mode="markers", marker=hollow, hoverinfo="skip"))
    ring = {"width": [3 if k == chosen else 0 for k in range(len(looks))], "color": colours["curve"]}
    named = [escape(name) for name in names]
    traces.append(
        go.Scatter(
            x=now[0], y=now[1], mode="markers", marker=marks | {"size": 14, "line": ring}, text=named,
            hovertemplate=hover, cliponaxis=False,
        )
    )  # fmt: skip
    pixels = (height - _FRAME["t"] - _FRAME["b"]) / (2 * reach)
    beside = [
        {"x": float(x), "y": float(y), "ax": _ASIDE, "ay": float(ay), "text": name, "xanchor": "left",
         "showarrow": True, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": colour, "standoff": 8,
         "font": {"size": 18, "color": colour}}
        for x, y, ay, name, (colour, _) in zip(*now, _apart(now.T * pixels), named, looks, strict=True)
    ]  # fmt: skip
    bare = {"fixedrange": True, "gridcolor": colours["grid"], "zerolinecolor": colours["zero"], "ticks": ""}
    sides = {
        name: bare | {"range": [float(middle[k]) - reach, float(middle[k]) + reach], "constrain": "domain"}
        | {"title": {"text": titles[name[0]], "standoff": 6}}
        for k, name in enumerate(("xaxis", "yaxis"))
    }  # fmt: skip
    sides["yaxis"] |= {"scaleanchor": "x"}
    ground = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
    looks_of_all = {"showlegend": False, "dragmode": False, "hovermode": "closest", "height": height}
    font = {"font": {"size": 15, "color": colours["text"]}, "margin": _FRAME}
    return go.Figure(traces, sides | ground | looks_of_all | font | {"annotations": beside})


def _apart(places: np.ndarray) -> np.ndarray:
    """Return by how much (K,) the names of points (K, 2) move down, all in pixels, so that none covers another.

    Points whose names would touch, from the top one on, have them below one another around their common middle.
    """
    moved = np.zeros(len(places))
    groups: list[list[int]] = []
    for k in np.argsort(-places[:, 1]):
        groups.append([int(k)])
        while len(groups) > 1 and _touch(places, groups[-2], groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    for group in groups:
        middle = places[group, 1].mean() + _LINE * (len(group) - 1) / 2
        moved[group] = places[group, 1] - (middle - _LINE * np.arange(len(group)))
    return moved


def _touch(places: np.ndarray, above: list[int], below: list[int]) -> bool:
    """Return whether the names of two groups of points, each set below one another, would overlap."""
    foot = places[above, 1].mean() - _LINE * (len(above) - 1) / 2
    head = places[below, 1].mean() + _LINE * (len(below) - 1) / 2
    return bool(foot - head < _LINE and np.ptp(places[[*above, *below], 0]) < _NAME * len(above + below))


def how_soon(
    needed: Sequence[int | None], last: int, count: int, titles: Mapping[str, str], hover: Mapping[str, str],
    theme: str = "light", current: int | None = None, height: int = HEIGHT,
) -> go.Figure:  # fmt: skip
    """Return a mark for every training of seeds 0..N-1: how many updates it needed, or, at the top, that it failed.

    last: the updates that were made. count: how many seeds there will be. titles: "x", "y" and "failed", what stands
    at the axis for those that failed. hover: Plotly's hovertemplates "needed" and "failed". current: a seed that is
    marked apart.
    """
    colours = LINES[theme]
    good = [seed for seed, updates in enumerate(needed) if updates is not None]
    bad = [seed for seed, updates in enumerate(needed) if updates is None]
    known = [needed[seed] for seed in good]
    top = max(known, default=1)
    high = min(last, max(8, round(1.25 * top)))
    failed = high * 1.16  # above all that succeeded
    ticks = [*range(0, high + 1, next(k for k in (1, 2, 5, 10, 20, 50, 100, 1000) if high <= 5 * k)), failed]
    edge = [{True: colours["curve"], False: colours["h"]}[seed == current] for seed in good]
    looks = {"symbol": "circle", "size": 11, "color": colours["h"], "line": {"width": 3, "color": edge}}
    stems = [value for seed in good for value in (seed, seed, None)]
    heights = [value for seed in good for value in (0, needed[seed], None)]
    bare = {"fixedrange": True, "zeroline": False, "ticks": ""}
    layout = {
        "xaxis": {**bare, "showgrid": False, "range": [-0.7, count - 0.3], "dtick": 1 if count <= 10 else 5,
                  "title": {"text": titles["x"], "standoff": 4}},
        "yaxis": {**bare, "gridcolor": colours["grid"], "range": [-0.03 * high, high * 1.28], "tickvals": ticks,
                  "ticktext": [*map(str, ticks[:-1]), titles["failed"]], "title": {"text": titles["y"], "standoff": 6},
                  "automargin": True},
        "height": height,
        "margin": {"l": 64, "r": 14, "t": 12, "b": 48},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 15, "color": colours["text"]},
    }  # fmt: skip
    return go.Figure(
        [
            go.Scatter(x=stems, y=heights, mode="lines", line={"color": colours["zero"], "width": 2}, hoverinfo="skip"),
            go.Scatter(x=good, y=known, mode="markers", marker=looks, hovertemplate=hover["needed"], name="needed"),
            go.Scatter(
                x=bad, y=[failed] * len(bad), mode="markers", hovertemplate=hover["failed"], name="failed",
                marker={"symbol": "x", "size": 11, "color": colours["level"]},
            ),
        ],
        layout,
    )  # fmt: skip
