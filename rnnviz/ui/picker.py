"""What is on screen: a drawing, a photo, or a digit picked from a set."""

import random
from dataclasses import dataclass

import numpy as np
import streamlit as st

from .. import digits
from ..digits import drawing, mnist, photo
from ..text import Words
from . import cache, state
from .callbacks import answered
from .canvas import SIZE, canvas

FIRST = {"mnist": 18, "uci": 6}
"""The digit that greets: one over which networks change their mind while they read."""


@dataclass(frozen=True)
class Shown:
    """The image that the network reads, or the reason why there is none."""

    source: str
    """"sample", "drawing", "photo" or "link"."""
    image: np.ndarray | None
    """(28, 28) in [0, 1]."""
    caption: str
    label: int | None = None
    """The true class, where it is known."""
    problem: str = ""
    """In the reader's words."""


def pick(words: Words, misread_by: str) -> Shown:
    """Show canvas and picker, and return what is to be read. misread_by: the network whose errors are "hard"."""
    st.session_state.setdefault("source", "link" if "draw" in st.session_state else "sample")
    with st.container(key="draw"):
        drawn = _draw(words)
    with st.container(key="pick"):
        chosen = _choose(words, misread_by)
    source = st.session_state["source"]
    if source == "drawing" and drawn is not None:
        return drawn
    if source in ("photo", "link") and "draw" in st.session_state:
        return Shown(source, digits.unpack(st.session_state["draw"]), words(f"shown.{source}"))
    return chosen


def _use(name: str) -> None:
    """Show what the user has just drawn, dropped or picked; what the link asked for is history."""
    st.session_state["source"] = name
    st.session_state.pop("asked", None)
    state.heard()


# ---- Drawing


def _draw(words: Words) -> Shown | None:
    st.subheader(words("step.draw"), anchor=False)
    strokes = canvas(words, on_stroke=lambda: _use("drawing"))
    message = ""
    try:
        image = digits.from_drawing(strokes=strokes, size=(SIZE, SIZE)) if strokes else None
        if st.session_state["source"] == "drawing":
            if image is None:
                _use("sample")
            else:
                st.session_state["draw"] = digits.pack(image)
    except drawing.DrawingProblem as problem:
        image, message = None, words(f"problem.{problem.reason}")
        if st.session_state["source"] == "drawing":  # otherwise it is a photo's, or a link's
            st.session_state.pop("draw", None)
    if not strokes:
        return None
    if message:
        st.caption(f":material/info: {message}")
    elif st.session_state["source"] != "drawing":
        st.button(
            words("step.reread"), icon=":material/draw:", key="reread", on_click=answered(_use), args=("drawing",)
        )
    return Shown("drawing", image, words("shown.drawing"), problem=message)


def _photo(words: Words) -> None:
    limits = {"megabytes": photo.MAX_BYTES // 2**20, "megapixels": photo.MAX_PIXELS // 10**6}
    with st.popover(words("step.photo"), icon=":material/photo_camera:", width="stretch"):
        st.caption(words("step.photo_help", **limits))
        file = st.file_uploader(
            words("step.photo_field"),
            type=["png", "jpg", "jpeg"],
            key="photo",
            label_visibility="collapsed",
            max_upload_size=limits["megabytes"],
        )
    if file is None:
        st.session_state["photo_read"] = st.session_state["photo_problem"] = None
    elif file.file_id != st.session_state.get("photo_read"):
        st.session_state["photo_read"] = file.file_id
        try:
            st.session_state["draw"] = digits.pack(digits.from_photo(file.getvalue()))
            st.session_state["photo_problem"] = None
            _use("photo")
        except drawing.DrawingProblem as problem:
            st.session_state["photo_problem"] = problem.reason
    if reason := st.session_state["photo_problem"]:  # outside the popover, which may open beyond the window's edge
        st.warning(words(f"problem.{reason}", **limits), icon=":material/broken_image:")


# ---- Picking


def _choose(words: Words, misread_by: str) -> Shown:
    st.subheader(words("step.pick"), anchor=False)
    name = _set(words)
    chosen = digits.open_set(name)
    _clamp("digit", len(chosen) - 1, FIRST[name])
    kinds = _kinds(misread_by, name)
    if st.session_state.get("show") not in kinds:
        st.session_state["show"] = "all"
    state.remember(
        st.selectbox,
        words("step.show"),
        kinds,
        format_func=lambda kind: _kind_name(words, kind, misread_by, name),
        key="show",
        on_change=lambda: _jump(_matching(name, misread_by), 0),
        filter_mode=None,
        label_visibility="collapsed",
    )
    matching = _matching(name, misread_by)
    with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="xsmall", key="picker_row"):
        state.remember(
            st.number_input,
            words("step.index", last=len(chosen) - 1),
            0,
            len(chosen) - 1,
            key="digit",
            on_change=lambda: _use("sample"),
            label_visibility="collapsed",
            width="stretch",
        )
        for key, icon, move in (
            ("back", ":material/chevron_left:", -1),
            ("forward", ":material/chevron_right:", 1),
            ("random", ":material/shuffle:", None),
        ):
            st.button(
                words(f"step.{key}"),
                icon=icon,
                help=words(f"step.{key}"),
                key=f"pick_{key}",
                on_click=answered(_jump),
                args=(matching, move),
                disabled=not len(matching),
            )
    _photo(words)
    _about_mnist(words)
    index = st.session_state["digit"]
    image, label = chosen[index]
    caption = words("shown.sample", set=words(f"set.{name}"), index=index, label=label)
    return Shown("sample", image, caption, label)


def _set(words: Words) -> str:
    """Show which digits there are and return the chosen set, which never changes by itself."""
    status = mnist.status(mnist.TEST)
    if "set" not in st.session_state:
        st.session_state["set"] = "mnist" if status.state == "ready" else "uci"
    elif st.session_state["set"] == "mnist" and status.state != "ready":
        st.session_state["set"] = "uci"
        st.session_state["asked"] = st.session_state.pop("digit", FIRST["mnist"])
    available = [name for name in digits.SETS if name != "mnist" or status.state == "ready"]
    state.remember(
        st.selectbox,
        words("step.set"),
        available,
        format_func=lambda name: words(f"set.{name}"),
        key="set",
        on_change=lambda: (_use("sample"), st.session_state.update(digit=FIRST[st.session_state["set"]])),
        filter_mode=None,
        label_visibility="collapsed",
    )
    if "asked" in st.session_state:
        st.info(words("set.asked", index=st.session_state["asked"]), icon=":material/link:")
    return st.session_state["set"]


def _about_mnist(words: Words) -> None:
    """Say what is wrong with MNIST's files, and see to it that they come."""
    status = mnist.status(mnist.TEST)
    if status.bad:
        st.warning(words("set.damaged", files=", ".join(status.bad)), icon=":material/healing:")
    if status.state == "ready":
        if st.session_state.get("awaited") and st.session_state["set"] != "mnist":
            st.success(words("set.arrived"), icon=":material/check:")
        return
    st.session_state["awaited"] = True
    if status.state == "missing":
        mnist.fetch_in_background()
    comes = mnist.status(mnist.TEST).state in ("missing", "downloading")
    st.fragment(_fetching, run_every=2 if comes else None)(words, comes)


def _fetching(words: Words, comes: bool) -> None:
    """Tell how the download goes. The set on screen stays what it is."""
    status = mnist.status(mnist.TEST)
    if comes != (status.state in ("missing", "downloading")):
        st.rerun()  # the whole page: a set more to choose, or whether to ask again every two seconds has changed
    if status.state == "failed":
        st.caption(words("set.failed"))
        st.button(
            words("set.retry"), icon=":material/refresh:", key="retry", on_click=answered(mnist.fetch_in_background)
        )
    elif status.state == "downloading":
        st.progress(status.progress, words("set.downloading", progress=status.progress))
    else:
        st.caption(words("set.missing"))


def _kinds(network: str, name: str) -> list[str]:
    return ["all", *(["hard"] if cache.misread(network, name) else []), *(str(k) for k in range(10))]


def _kind_name(words: Words, kind: str, network: str, name: str) -> str:
    if kind == "hard":
        return words("step.hard", network=network, count=len(cache.misread(network, name)))
    return words("step.all") if kind == "all" else words("step.only", digit=kind)


def _matching(name: str, network: str) -> np.ndarray:
    """Return the indices of the digits that the picker walks through."""
    kind = st.session_state["show"]
    if kind == "hard":
        return np.array(cache.misread(network, name))
    labels = digits.open_set(name).labels
    return np.arange(len(labels)) if kind == "all" else np.flatnonzero(labels == int(kind))


def _jump(matching: np.ndarray, move: int | None) -> None:
    """Go to the next (1), previous (-1), nearest (0) or a random (None) one of the matching digits."""
    now = st.session_state["digit"]
    if move is None:
        st.session_state["digit"] = int(random.choice(matching))
    elif move == 0:
        st.session_state["digit"] = int(matching[np.argmin(np.abs(matching - now))])
    else:
        place = np.searchsorted(matching, now, side="left" if move < 0 else "right")
        st.session_state["digit"] = int(matching[(place + (move if move < 0 else 0)) % len(matching)])
    _use("sample")


def _clamp(key: str, high: int, default: int) -> None:
    value = st.session_state.get(key, default)
    if value > high:
        state.ignore(key)
    st.session_state[key] = min(value, high)


def blank() -> np.ndarray:
    """Return an empty image, for a figure that has nothing to show."""
    return np.zeros((28, 28))


def link(shown: Shown) -> dict[str, object]:
    """Return what the address has to say to bring back what is shown."""
    if "asked" in st.session_state:  # MNIST may yet come; a reload then shows what the link meant
        return {"set": "mnist", "digit": st.session_state["asked"], "draw": None}
    if shown.source == "sample":
        return {"set": st.session_state["set"], "digit": st.session_state["digit"], "draw": None}
    return {"set": None, "digit": None, "draw": st.session_state.get("draw")}
