"""Which networks come with rnnviz."""

import streamlit as st

from ... import checkpoints
from ...text import Words
from .. import cache, frame


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    rows = []
    for name in checkpoints.names(None):
        try:
            reader = cache.reader(name)
        except (checkpoints.CheckpointError, OSError) as error:
            frame.log(error)
            st.error(words("problem.network", network=name), icon=":material/error:")
            continue
        network, card = reader.network, reader.card
        rows.append(
            {
                words("guide.network"): name,
                words("guide.cell"): words(f"cell.{network.cell}"),
                words("guide.size"): f"{network.num_layers} × {network.hidden_size}",
                words("guide.parameters"): f"{network.num_parameters:,}",
                words("guide.mnist"): f"{card.accuracy['mnist']:.2%}" if "mnist" in card.accuracy else "–",
                words("guide.uci"): f"{card.accuracy['uci']:.2%}" if "uci" in card.accuracy else "–",
                words("guide.psnr"): f"{card.psnr['mnist']:.2f} dB" if "mnist" in card.psnr else "–",
                words("guide.command"): f"`{card.command}`",
            }
        )
    if rows:
        st.table(rows, border="horizontal")
        st.caption(words("guide.accuracy_note"))
    else:
        st.info(words("problem.no_networks"), icon=":material/info:")
    return {}
