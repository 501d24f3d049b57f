"""One term of a weight's gradient, factor by factor."""

import numpy as np
import streamlit as st

from ....text import Words
from ....trace import Trace
from ..numbers import column, factor, matrix, row, tex
from ..tiny import Tiny
from . import naming


def product(words: Words, shown: Tiny, entry: tuple, alone: Trace, term: float, chosen: tuple[int, int]) -> None:
    """Show one term. entry: a parameter and an index; alone: the trace of that step's loss; chosen: (t, k) from 1."""
    (name, place), (t, k) = entry, chosen
    if not alone.grad["logits"].any():
        st.info(words("terms.silent", step=t), icon=":material/info:")
        return
    written = naming.formula(name, place)
    lead = rf"\frac{{\partial L_{{{t}}}}}{{\partial {written}}}\bigg|_{{k={k}}}"
    if name.startswith("head"):
        _readout(lead, shown, place, alone, term, t)
        return
    layer = int(name[-1])
    if shown.network.cell.startswith("rnn_") and layer == shown.network.num_layers - 1:
        _chain(lead, written, shown, entry, alone, term, chosen)
    else:
        _two_factors(lead, shown, entry, alone, term, chosen)
        behind = "_hh" in name and _block(shown, name, place[0])[0] == "n"
        st.caption(words("terms.behind" if behind else "terms.gated"))


def _readout(lead: str, shown: Tiny, place: tuple[int, ...], alone: Trace, term: float, t: int) -> None:
    error = alone.grad["logits"][t - 1, place[0]]
    formula = rf"{lead} = \frac{{\partial L_{{{t}}}}}{{\partial \hat y_{{{t}}}[{place[0] + 1}]}}"
    if len(place) == 1:
        st.latex(rf"{formula} = {tex(term)}")
        return
    h = shown.trace["h"][-1, t - 1, place[1]]
    st.latex(rf"{formula}\; h_{{{t}}}[{place[1] + 1}] = {factor(error)}\cdot{factor(h)} = {tex(term)}")


def _chain(
    lead: str, written: str, shown: Tiny, entry: tuple, alone: Trace, term: float, chosen: tuple[int, int]
) -> None:
    """Show the product of a plain RNN: a row, the Jacobian of every step between, the immediate derivative."""
    (name, place), (t, k) = entry, chosen
    network, layer = shown.network, int(entry[0][-1])
    values = {key: shown.trace[key][layer] for key in network.signals} | {"h0": shown.trace.h0[layer]}
    jacobians = network.kind.jacobians(network.layers[layer], values)
    direct = alone.grad["logits"][t - 1] @ network.head[0]
    slope = network.kind.slopes(values)[k - 1, place[0]]
    immediate = np.zeros(network.hidden_size)
    immediate[place[0]] = slope * _given(shown, name, place, k)
    letters, values_told = [rf"\frac{{\partial L_{{{t}}}}}{{\partial h_{{{t}}}}}"], [row(direct)]
    for s in range(t, k, -1):
        letters.append(rf"\frac{{\partial h_{{{s}}}}}{{\partial h_{{{s - 1}}}}}")
        values_told.append(matrix(jacobians[s - 1]))
    letters.append(rf"\frac{{\partial^{{+}} h_{{{k}}}}}{{\partial {written}}}")
    values_told.append(column(immediate))
    st.latex(f"{lead} = " + r"\,".join(letters))
    st.latex("= " + r"\,".join(values_told) + f" = {tex(term)}")
    inner = rf"\varphi'(a_{{{k}}}[{place[0] + 1}])"
    given = _given(shown, name, place, k)
    by = rf"\cdot {_given_name(shown, name, place, k)}" if name.startswith("rnn.weight") else ""
    told = rf"\cdot {factor(given)}" if by else ""
    st.latex(
        rf"\frac{{\partial^{{+}} h_{{{k}}}[{place[0] + 1}]}}{{\partial {written}}} = {inner}{by}"
        rf" = {tex(slope)}{told} = {tex(immediate[place[0]])}"
    )


def _two_factors(lead: str, shown: Tiny, entry: tuple, alone: Trace, term: float, chosen: tuple[int, int]) -> None:
    """Show a term as what comes back to the sum in which the weight was used, times what the weight was given."""
    (name, place), (t, k) = entry, chosen
    back = rf"\frac{{\partial L_{{{t}}}}}{{\partial {_sum_name(shown, name, place, k)}}}"
    if "bias" in name:
        st.latex(rf"{lead} = {back} = {tex(term)}")
        return
    error, given = _error(shown, alone, name, place, k), _given(shown, name, place, k)
    letters = rf"{back}\cdot {_given_name(shown, name, place, k)}"
    st.latex(rf"{lead} = {letters} = {factor(error)}\cdot{factor(given)} = {tex(term)}")


def _sum_name(shown: Tiny, name: str, place: tuple[int, ...], k: int) -> str:
    """Return the letters of the sum that a weight's product, or a bias, went into at step k (from 1).

    That is a pre-activation, named as the graph of part 1 names it; and s = W_hn h + b_hn where r multiplies that.
    """
    layer, network = int(name[-1]), shown.network
    block, unit = _block(shown, name, place[0])
    above = f"^{{({layer + 1})}}" if network.num_layers > 1 else ""
    if "_hh" in name and block == "n":
        return rf"s_{{{k}}}{above}[{unit + 1}]"
    gate = f"{block}," if len(network.kind.blocks) > 1 else ""
    return rf"a_{{{gate}{k}}}{above}[{unit + 1}]"


def _block(shown: Tiny, name: str, at: int) -> tuple[str, int]:
    """Return the block of pre-activations that a row of a parameter belongs to, and the unit in it, from 0."""
    blocks = [each for each in shown.network.kind.blocks if each != "g" or "weight_ch" not in name]
    return blocks[at // shown.network.hidden_size], at % shown.network.hidden_size


def _given(shown: Tiny, name: str, place: tuple[int, ...], k: int) -> float:
    """Return what a weight was multiplied by at step k (from 1); 1 for a bias."""
    layer = int(name[-1])
    if "bias" in name:
        return 1.0
    if "weight_ih" in name:
        below = shown.x if layer == 0 else shown.trace["h"][layer - 1]
        return float(below[k - 1, place[1]])
    if "weight_hh" in name:
        return float(shown.trace["h"][layer, k - 2, place[1]] if k > 1 else shown.trace.h0[layer, place[1]])
    (gate, _), c = _block(shown, name, place[0]), shown.trace["c"][layer]
    at = k - 1 if gate == "o" else k - 2  # the output gate sees c_t, the others c_{t-1}
    return float(c[at, place[-1] % shown.network.hidden_size]) if at >= 0 else 0.0


def _given_name(shown: Tiny, name: str, place: tuple[int, ...], k: int) -> str:
    layer, H = int(name[-1]), shown.network.hidden_size
    above = f"^{{({layer + 1})}}" if shown.network.num_layers > 1 else ""
    if "weight_ih" in name:
        return rf"x_{{{k}}}[{place[1] + 1}]" if layer == 0 else rf"h_{{{k}}}^{{({layer})}}[{place[1] + 1}]"
    if "weight_hh" in name:
        return rf"h_{{{k - 1}}}{above}[{place[1] + 1}]"
    gate, _ = _block(shown, name, place[0])
    return rf"c_{{{k if gate == 'o' else k - 1}}}{above}[{place[-1] % H + 1}]"


def _error(shown: Tiny, alone: Trace, name: str, place: tuple[int, ...], k: int) -> float:
    """Return the gradient of one step's loss in the sum that a weight's product went into at step k (from 1)."""
    layer, network = int(name[-1]), shown.network
    weights, da = network.layers[layer], alone.grad["a"][layer]
    values = {key: shown.trace[key][layer] for key in network.signals} | {"h0": shown.trace.h0[layer]}
    if "weight_hh" in name:  # behind the reset gate, where there is one
        return float(network.kind.recurrent(weights, values, da)[k - 1, place[0]])
    block, unit = _block(shown, name, place[0])
    return float(da[k - 1, network.kind.blocks.index(block) * network.hidden_size + unit])
