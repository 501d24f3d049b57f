"""Part 3: where a weight's gradient comes from, step by step; truncated backpropagation and clipping."""

from contextlib import suppress

import numpy as np
import streamlit as st

from ... import figures, learn, measures
from ...digits import as_sequences
from ...figures import over_time, style
from ...figures.over_time import Axis, Line
from ...text import Words
from ...trace import record
from .. import state
from ..charts import Chart, charts
from ..slider import slider
from . import subject
from .fan import probes
from .subject import Subject

TOLD = ("shares-trained", "shares-untrained", "shares-lstm", "window-1", "window-14")
HEIGHT = 300
BATCH = 60
"""So many bundled digits tell how long gradients are."""
CLIPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    return subject.part(words, "unrolled", TOLD, _take_apart)


def _take_apart(words: Words, seen: Subject) -> None:
    _truncation(words, seen)
    _clipping(words, seen)


# ---- The sum over the steps, and what is left of it


def _truncation(words: Words, seen: Subject) -> None:
    theme, steps = st.context.theme.type or "light", len(seen.trace)
    network, trace, layer = seen.network, seen.trace, seen.level
    norms = measures.weight_contributions(network, trace, layer)
    shares = measures.contribution_shares(network, trace, layer)
    if np.isnan(shares).any():
        st.info(words("unrolled.nothing"), icon=":material/info:")
        return
    kept = measures.truncation(network, trace, layer)
    window = slider(words("unrolled.window"), 1, steps, 1, "window", help=words("unrolled.window_help"))
    length, cosine = kept.length[window - 1], kept.cosine[window - 1]
    said = "kept_nothing" if not np.isfinite(cosine) else "kept_one" if window == 1 else "kept"
    st.markdown(words(f"unrolled.{said}", window=window, length=length, cosine=cosine))
    lengths = Line(words("unrolled.norm"), norms - norms[np.isfinite(norms)].max(), style.LINES[theme]["curve"])
    cut = steps - window
    hover = {"line": words("unrolled.hover_norm") + "<extra></extra>", "mark": "%{text}<extra></extra>"}
    numbers = {"positive": shares[shares > 0].sum(), "negative": shares[shares < 0].sum()}
    left = measures.cancellation(network, trace, layer)
    items = [
        Chart(
            "shares",
            words("unrolled.title_shares"),
            over_time.bars(
                shares, Axis(words("unrolled.axis_shares"), False), words("fan.across"),
                words("unrolled.hover_share") + "<extra></extra>", theme, cut, HEIGHT,
            ),
            words("unrolled.alt_shares", **numbers),
        ),
        Chart(
            "norms",
            words("unrolled.title_norms"),
            over_time.over_time(
                [lengths], Axis(words("unrolled.axis_norms"), holds=(0.0, -1.0)), words("fan.across"), hover, theme,
                moment=cut + 0.5 if cut else None, height=HEIGHT,
            ),
            words("unrolled.alt_norms", first=figures.power(lengths.y[0]), last=figures.power(lengths.y[-1])),
        ),
        Chart(
            "kept",
            words("unrolled.title_kept"),
            over_time.over_time(
                [
                    Line(words("unrolled.length"), kept.length, style.LINES[theme]["curve"]),
                    Line(words("unrolled.cosine"), kept.cosine, style.LINES[theme]["h"], "dash"),
                ],
                Axis(words("unrolled.axis_kept"), False, (0.0, 1.0)), words("unrolled.back"),
                {"line": words("unrolled.hover_kept") + "<extra></extra>", "mark": ""},
                theme, level=1.0, moment=window, height=HEIGHT, named=True,
            ),
            words("unrolled.alt_kept", window=window, length=kept.length[window - 1]),
        ),
    ]  # fmt: skip
    charts(items, theme, key="unrolled_charts")
    rest = words("unrolled.few_against" if numbers["negative"] > -0.01 else "unrolled.some_against")
    st.markdown(words("unrolled.cancels", left=left, rest=rest, **numbers))


# ---- Clipping


def _clipping(words: Words, seen: Subject) -> None:
    st.subheader(words("unrolled.clipping"), anchor=False)
    network, theme = seen.network, st.context.theme.type or "light"
    st.session_state["clip"] = state.nearest(CLIPS, st.session_state["clip"])
    clip = state.remember(
        st.select_slider, words("unrolled.clip"), CLIPS, key="clip", format_func=lambda clip: f"{clip:g}"
    )
    own = learn.gradients(network, seen.trace)
    norm = learn.norm(own)
    lengths = _lengths(seen.reader, seen)
    told = {
        "norm": figures.power(np.log10(norm)) if norm else "0",
        "clip": clip,
        "factor": min(1.0, clip / (norm + 1e-6)),
    }
    st.markdown(words("unrolled.clipped" if norm > clip else "unrolled.short", **told))
    logs = np.log10(lengths[(lengths > 0) & np.isfinite(lengths)])
    if not len(logs):
        return
    titles = {"x": words("unrolled.norm_all"), "y": words("unrolled.digits")}
    hover = words("unrolled.hover_norms") + "<extra></extra>"
    figure = over_time.log_histogram(logs, titles, style.LINES[theme]["h"], hover, theme, float(np.log10(clip)), HEIGHT)
    over = int((lengths > clip).sum())
    alt = words("unrolled.alt_clip", over=over, count=len(lengths), clip=clip)
    charts([Chart("clip", words("unrolled.title_clip", count=len(lengths)), figure, alt)], theme, key="clip_charts")
    st.caption(alt)


@st.cache_data(show_spinner=False, max_entries=64)
def _lengths(key: tuple, _seen: Subject) -> np.ndarray:
    """Return the norms of the gradients in all parameters together, each of one digit's loss.

    Digits at which the network grows beyond all numbers are left out.
    """
    (images, labels), network = probes(BATCH if _seen.order == "rows" else BATCH // 10), _seen.network
    found = []
    for x, label in zip(as_sequences(images, _seen.order, _seen.delay), labels, strict=True):
        with suppress(OverflowError):
            found.append(learn.norm(learn.gradients(network, record(network, x, int(label)))))
    return np.array(found)
