"""Part 5: super-resolution. A network reads a digit at half its size and writes it whole, two rows at a time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from ... import checkpoints, digits, measures, upscaling
from ...figures import upscaling as drawn
from ...text import Words
from ...trace import Trace, record_many
from .. import cache, frame, picker, state
from ..charts import Chart, charts, moment, rows_of
from ..markdown import escaped
from ..parts import stories
from ..parts.lesson import lesson, predict
from ..reading import top

PART = "upscaling"
TOLD = ("upscaling-typical", "upscaling-worst", "upscaling-bundled")
SHIPPED = "super-3x128"
ENLARGED = 7
"""Pixels of the screen per pixel of the digit that was picked."""
REST = 600
"""Milliseconds without a move after which the address is told of the step."""
SLIDER = "upscaling_step"
REFERENCE = 150
"""Units are called alike by what they do over so many bundled digits, so that their order is the network's own."""


@dataclass(frozen=True)
class Seen:
    """A digit, and what becomes of its half."""

    name: str
    """What the network is opened by."""
    delay: int
    image: np.ndarray
    """(2R, 2C)."""
    trace: Trace

    @property
    def rows(self) -> int:
        """R: rows of the small picture."""
        return len(self.trace) - self.delay

    @property
    def written(self) -> np.ndarray:
        """What the network makes of it, (2R, 2C)."""
        return upscaling.picture(self.trace["logits"], self.delay)


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    stories.buttons(words, TOLD)
    st.html(Path(__file__).with_name("upscaling.css"))
    left, right = st.columns([1, 3.4], gap="medium")
    with left, st.container(key="source"):
        digit = st.container(key="lab_digit")
        with st.expander(words("subject.change"), icon=":material/draw:", key="lab_picker"):
            shown = picker.pick(words, misread_by="lstm-64")
        if shown.image is not None:
            enlarged = np.kron(shown.image, np.ones((ENLARGED, ENLARGED)))
            digit.image(enlarged, words("upscaling.picked"), width=28 * ENLARGED)
    with right, st.container(key="part_figure", gap="small"):
        name = _network(words)
        reader = _opened(words, name)
        if shown.image is None:
            st.warning(shown.problem, icon=":material/draw:")
        elif reader:
            st.caption(f"**{shown.caption}** · {_about(words, reader)}")
            seen = Seen(name, reader.delay, shown.image, upscaling.record(reader.network, shown.image, reader.delay))
            _look(words, seen, reader.card, shown)
    predict(words, PART)
    lesson(words, PART)
    return {"upscaler": name if name != SHIPPED else None, "step": st.session_state.get("step"), **picker.link(shown)}


# ---- The network


def _network(words: Words) -> str:
    """Ask for the network and return its name."""
    now, offered = st.session_state, [*checkpoints.names("upscale"), *cache.run_names("upscale")]
    now["upscaler"] = now["upscaler"] or SHIPPED
    if now["upscaler"] not in offered:
        if cache.opens(now["upscaler"]):  # an older run than those offered
            offered.append(now["upscaler"])
        else:
            state.ignore("upscaler")
            now["upscaler"] = SHIPPED
    return state.remember(
        st.selectbox,
        words("subject.network"),
        offered,
        format_func=lambda name: cache.title(words, name),
        key="upscaler",
        filter_mode=None,
        width=300,
    )


def _opened(words: Words, name: str) -> cache.Reader | None:
    """Return a network that enlarges digits; None where it cannot be opened or does something else, which is said."""
    try:
        reader = cache.reader(name)
    except (checkpoints.CheckpointError, OSError, KeyError) as error:
        frame.log(error)
        st.error(words("problem.network", network=name), icon=":material/error:")
        return None
    if not upscaling.fits(reader.network) or upscaling.FACTOR * reader.network.input_size != 28:
        st.error(words("upscaling.other_task", network=escaped(reader.title)), icon=":material/error:")
        return None
    return reader


def _about(words: Words, reader: cache.Reader) -> str:
    network = reader.network
    numbers = {"layers": network.num_layers, "units": network.hidden_size, "parameters": network.num_parameters}
    told = words("upscaling.about", network=escaped(reader.title), cell=words(f"cell.{network.cell}"), **numbers)
    seed = reader.card.training.get("seed")
    return told if seed is None else f"{told} · {words('upscaling.seed', seed=seed)}"


# ---- What is seen


def _look(words: Words, seen: Seen, card: checkpoints.Card, shown: picker.Shown) -> None:
    low, smooth, written = upscaling.halve(seen.image), upscaling.bicubic(upscaling.halve(seen.image)), seen.written
    ours, bicubic = (float(upscaling.psnr(each, seen.image)) for each in (written, smooth))
    form, gap = "closer" if ours > bicubic else "farther", abs(ours - bicubic)
    st.markdown(words(f"upscaling.{form}", network=ours, bicubic=bicubic, gap=gap, ratio=10 ** (gap / 10)))
    theme = st.context.theme.type or "light"
    steps, now = list(range(1, len(seen.trace) + 1)), st.session_state
    at = min(now.get("step") or len(steps), len(steps))
    slider = {"key": f"{SLIDER}_{len(steps)}", "last": len(steps), "at": at if at < len(steps) else None}
    charts(_pictures(words, seen, (low, smooth, written), (bicubic, ours), theme), theme, "upscaled", slider)
    told = {"at": _sentences(words, seen)} | {
        key: words(f"upscaling.{key}") for key in ("moment", "newest", "play", "pause")
    }
    with st.container(key="upscaling_moment"):
        chosen = moment(steps, told, slider["key"], slider["at"], REST)
    now["step"] = chosen
    charts(_columns(words, seen, low, theme), theme, "steps", slider)
    st.caption(words.join([words("upscaling.columns"), words("upscaling.pictures")]))
    st.markdown(words.join(_means(words, card, shown)))


def _pictures(words: Words, seen: Seen, shown: tuple, scores: tuple[float, float], theme: str) -> list[Chart]:
    """Return what is read, the true digit, and bicubic's and the network's, each with its error."""
    low, smooth, written = shown
    hover = {key: words(f"upscaling.hover_{key}") + "<extra></extra>" for key in ("pixel", "error")}
    read, due = _read(seen), _due(seen)
    found = []

    def add(name: str, image: np.ndarray, follow: list, veil: bool = False, kind: str = "x", **numbers: float) -> None:
        figure = drawn.picture(image, hover["pixel" if kind == "x" else "error"], theme, kind)
        title, alt = words(f"upscaling.{name}", **numbers), words(f"upscaling.{name}_alt", **numbers)
        found.append(Chart(name, title, figure, alt, rows_of(follow, veil, square=True)))

    add("low", low, read)
    add("true", seen.image, due)
    for name, image, score in (("bicubic", smooth, scores[0]), ("network", written, scores[1])):
        own = name == "network"
        add(name, image, due, veil=own, psnr=score)
        error = image - seen.image
        add(f"{name}_error", error, due, veil=own, kind="h", largest=float(np.abs(error).max()))
    return found


def _columns(words: Words, seen: Seen, low: np.ndarray, theme: str) -> list[Chart]:
    """Return what is read, the hidden states of every layer, and what is written, over the steps."""
    trace, steps = seen.trace, len(seen.trace)
    whole = [(k + 0.5, k + 1.5) for k in range(steps)]
    hover = {key: words(f"upscaling.hover_{key}") + "<extra></extra>" for key in ("read", "state", "written")}
    title, alt = words("upscaling.column_low"), words("upscaling.column_low_alt", steps=steps, blank=seen.delay)
    figure = drawn.over_steps(upscaling.as_sequence(low, seen.delay), 1, hover["read"], theme)
    found = [Chart("column_low", title, figure, alt, rows_of(whole, veil=False))]
    orders = _orders(seen.name, cache.version(seen.name), seen.delay)
    for layer, (h, order) in enumerate(zip(trace["h"], orders, strict=True), start=1):
        h, high = h[:, order], top("h", h)
        figure = drawn.over_steps(h, 1, hover["state"], theme, "h", high)
        numbers = {"layer": layer, "units": h.shape[1], "low": h.min(), "high": h.max(), "steps": steps}
        title, alt = words("upscaling.column_h", **numbers), words("upscaling.column_h_alt", **numbers)
        found.append(Chart(f"column_h{layer}", title, figure, alt, rows_of(whole, veil=True)))
    rows = trace["logits"].reshape(upscaling.FACTOR * steps, -1)
    figure = drawn.over_steps(rows, upscaling.FACTOR, hover["written"], theme)
    title, alt = words("upscaling.column_written"), words("upscaling.column_written_alt", delay=seen.delay)
    return [*found, Chart("column_written", title, figure, alt, rows_of(whole, veil=True))]


@st.cache_resource(show_spinner=False, max_entries=32)
def _orders(name: str, version: int, delay: int) -> list[np.ndarray]:
    """Return the units (H,) of every layer with those side by side that move alike over many bundled digits."""
    low = upscaling.halve(digits.open_set("uci").images[:REFERENCE] / 255)
    h = record_many(cache.reader(name).network, upscaling.as_sequence(low, delay), ("h",))["h"]  # (N, L, T, H)
    return [measures.similarity_order(each.reshape(-1, each.shape[-1])) for each in h.swapaxes(0, 1)]


def _read(seen: Seen) -> list[tuple[float, float] | None]:
    """Return which row of the small picture is read at each step; none where a blank one is."""
    return [(k + 0.5, k + 1.5) if k < seen.rows else None for k in range(len(seen.trace))]


def _due(seen: Seen) -> list[tuple[float, float] | None]:
    """Return which rows of the large picture are written at each step; none before the delay is over."""
    places = [upscaling.FACTOR * (k - seen.delay) for k in range(len(seen.trace))]
    return [(place + 0.5, place + upscaling.FACTOR + 0.5) if place >= 0 else None for place in places]


def _sentences(words: Words, seen: Seen) -> list[str]:
    """Return what happens at each step."""
    steps, found = len(seen.trace), []
    for step in range(1, steps + 1):
        row = step - seen.delay
        form = "early" if row < 1 else "blank" if step > seen.rows else "step"
        numbers = {"row": step, "first": 2 * row - 1, "second": 2 * row, "small": row}
        found.append(words(f"upscaling.says_{form}", step=step, steps=steps, **numbers))
    return found


def _means(words: Words, card: checkpoints.Card, shown: picker.Shown) -> list[str]:
    """Return how the network does on all digits of the sets that its card tells of."""
    found = []
    for name, (bicubic, _) in upscaling.BICUBIC.items():
        if name in card.psnr:
            found.append(words(f"upscaling.mean_{name}", network=card.psnr[name], bicubic=bicubic))
    if shown.source == "sample" and st.session_state["set"] == "uci":
        found.append(words("upscaling.uci"))
    return found
