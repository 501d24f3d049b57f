"""How well a network enlarges the test digits: the first ones, those it comes closest to, and those it does not."""

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from ... import checkpoints, upscaling
from ...network import Network
from ...text import Words
from .. import cache, frame
from ..markdown import escaped
from . import clicks, known
from .known import Entry
from .spoken import picture

FIRST, EXTREMES = 8, 8
GAP = 2
"""Blank columns between the pictures of one digit."""


def show(words: Words, entry: Entry, psnr: np.ndarray) -> None:
    """Show the results of a run. psnr: of every test digit, in dB."""
    dataset, delay = entry.plan.config.dataset, entry.plan.config.delay
    name = known.digit_set_of(dataset)
    bicubic, pooled_bicubic = upscaling.BICUBIC[name]
    pooled = -10 * np.log10((10 ** (-psnr / 10)).mean())
    told = {"psnr": psnr.mean(), "pooled": pooled, "bicubic": bicubic, "pooled_bicubic": pooled_bicubic}
    st.markdown(words("written.summary", count=len(psnr), **told))
    digits = known.test_digits(dataset)
    if digits is None:
        st.caption(words("results.no_labels"))
        return
    try:
        network = cache.reader(f"run:{entry.id}").network
    except (checkpoints.CheckpointError, OSError, KeyError) as error:
        frame.log(error)
        st.warning(words("problem.network", network=escaped(entry.name)), icon=":material/broken_image:")
        return
    st.caption(words("written.note"))
    order = np.argsort(psnr, kind="stable")
    shown = {"first": np.arange(FIRST), "worst": order[:EXTREMES], "best": order[: -EXTREMES - 1 : -1]}
    for key, chosen in shown.items():
        st.subheader(words(f"written.{key}", count=len(chosen)), anchor=False)
        items = items_html(words, network, delay, chosen, *(each[chosen] for each in digits))
        if clicked := clicks.gallery(f"written_{key}", words(f"written.{key}", count=len(chosen)), items):
            frame.open_in_upscaling(entry.id, name, int(clicked))
            frame.follow()


def items_html(
    words: Words, network: Network, delay: int, chosen: Sequence[int], images: np.ndarray, labels: np.ndarray
) -> list[str]:
    """Return test digits as HTML, four pictures each: what is read, bicubic, what the network writes, the true one."""
    true = images / 255
    low = upscaling.halve(true)
    large = upscaling.bicubic(low), upscaling.upscale(network, low, delay)
    found = []
    for place, index in enumerate(chosen):
        shown = [low[place].repeat(upscaling.FACTOR, 0).repeat(upscaling.FACTOR, 1), *(each[place] for each in large)]
        smooth, psnr = (float(upscaling.psnr(each, true[place])) for each in shown[1:])
        gap = np.full((len(true[place]), GAP), 0.5)
        row = np.hstack([part for each in (*shown, true[place]) for part in (gap, each)][1:])
        spoken = words("written.item", index=index, label=labels[place], psnr=psnr, bicubic=smooth)
        below, small = words("written.below", psnr=psnr), words("written.bicubic", psnr=smooth)
        found.append(
            f'<li class="wide"><a href="#" data-click="{index}" aria-label="{escape(spoken)}">'
            f'<img src="{picture(np.round(255 * row))}" alt=""><b>{escape(below)}</b> '
            f"<small>{escape(small)}</small></a></li>"
        )
    return found
