"""Part 6: a button that holds what the lab shows against autograd and finite differences, in a process of its own."""

import importlib.util
import threading
from html import escape

import numpy as np
import streamlit as st

from ... import figures
from ...text import Words
from ...training.proof import Check, Proof, ProofFailed, TooLarge, prove
from .. import frame
from ..callbacks import answered
from ..markdown import escaped
from ..parts import stories
from . import subject
from .subject import Subject

TOLD = ("proof-trained", "proof-vanished")
WAIT = 30.0
"""Seconds to wait for the judge while it works for others."""

_judge = threading.Semaphore(1)
"""One judge at a time: each takes a processor and 700 MB."""


class _Busy(RuntimeError):
    """The judge is at work for others."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    return subject.part(words, "proof", TOLD, _prove)


def _prove(words: Words, seen: Subject) -> None:
    window, clip = _settings()
    st.markdown(words("proof.what", title=escaped(seen.title), steps=len(seen.trace), window=window, clip=clip))
    no_torch = importlib.util.find_spec("torch") is None
    if no_torch:
        st.warning(words("proof.no_torch"), icon=":material/extension_off:")
    options = {"type": "primary", "icon": ":material/verified:", "disabled": no_torch}
    st.button(words("proof.button"), key="prove", on_click=answered(_ask), args=((seen.key, window, clip),), **options)
    if st.session_state.get("proved") != (seen.key, window, clip):
        return
    try:
        with st.spinner(words("proof.working"), show_time=True):
            found = _found(seen.key, window, clip, seen)
    except _Busy:
        st.session_state["proved"] = None  # only a press asks again
        st.info(words("proof.busy"), icon=":material/hourglass:")
    except TooLarge:
        st.info(words("proof.too_large"), icon=":material/hourglass_disabled:")
    except ProofFailed as error:
        frame.log(error)
        st.session_state["proved"] = None
        st.error(words("proof.failed"), icon=":material/error:")
    else:
        _tell(words, found)


def _settings() -> tuple[int, float]:
    """Return the window and the threshold that part 3 was left with."""
    left = st.session_state["kept"].get("unrolled", stories.PARTS["unrolled"].defaults)
    return left["window"], left["clip"]


def _ask(key: tuple) -> None:
    st.session_state["proved"] = key


@st.cache_data(show_spinner=False, max_entries=64)
def _found(key: tuple, window: int, clip: float, _seen: Subject) -> Proof:
    if not _judge.acquire(timeout=WAIT):
        raise _Busy
    try:
        return prove(_seen.network, _seen.trace, _seen.level, window, clip)
    finally:
        _judge.release()


def _tell(words: Words, found: Proof) -> None:
    equal, apart = all(check.sound for check in found.checks), found.differences
    largest = _short(max(check.difference for check in found.checks))
    if not any(check.entries for check in found.checks):
        st.info(words("proof.nothing"), icon=":material/visibility_off:")
    elif equal:
        st.success(words("proof.sound", largest=largest), icon=":material/verified:")
    else:
        st.error(words("proof.wrong", largest=largest), icon=":material/error:")
    if not apart.sound:
        st.error(words("proof.apart", difference=_short(apart.difference)), icon=":material/error:")
    rows = "".join(_row(words, check) for check in found.checks)
    heads = "".join(f"<th>{escape(words(f'proof.column_{name}'))}</th>" for name in ("what", "entries", "difference"))
    st.html(f'<table class="proof"><thead><tr>{heads}<th></th></tr></thead><tbody>{rows}</tbody></table>')
    verdict = "within" if apart.difference <= apart.resolution else "few_times" if apart.sound else "beyond"
    st.markdown(
        words(
            "proof.differences",
            count=apart.entries,
            difference=_short(apart.difference),
            resolution=_short(apart.resolution),
            verdict=words(f"proof.{verdict}"),
        )
    )
    if apart.kinks:
        st.caption(words("proof.kinks", count=apart.kinks))
    if apart.below:
        st.info(
            words("proof.below", below=apart.below, count=apart.entries, resolution=_short(apart.resolution)),
            icon=":material/visibility_off:",
        )
    st.caption(words("proof.by", torch=found.torch, seconds=found.seconds))


def _row(words: Words, check: Check) -> str:
    name, compared = escape(words(f"proof.check.{check.name}")), check.entries > 0 or not check.sound
    difference = escape(_short(check.difference)) if compared else "–"
    kind, mark = ("sound", "✓") if check.sound and compared else ("wrong", "✕") if compared else ("open", "–")
    return f'<tr><td>{name}</td><td>{check.entries:,}</td><td>{difference}</td><td class="{kind}">{mark}</td></tr>'


def _short(value: float) -> str:
    with np.errstate(divide="ignore"):
        return figures.power(float(np.log10(value))) if np.isfinite(value) else "∞"
