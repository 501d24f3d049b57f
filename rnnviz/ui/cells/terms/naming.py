"""What the parameters of a small network are called in tables and formulas."""

SYMBOLS = {
    "weight_ih": "W_ih", "weight_hh": "W_hh", "bias_ih": "b_ih", "bias_hh": "b_hh", "weight_ch": "P",
    "head.weight": "W_hy", "head.bias": "b_y",
}  # fmt: skip


def symbol(name: str) -> str:
    """Return what formulas call a parameter: W_hh, or W_hh^(2) where it is of the second layer."""
    if name in SYMBOLS:
        return SYMBOLS[name]
    kind, _, layer = name.removeprefix("rnn.").rpartition("_l")
    return SYMBOLS[kind] + (f"^({int(layer) + 1})" if layer != "0" else "")


def written(name: str, place: tuple[int, ...]) -> str:
    """Return one number's name for a table, W_hh[1,2], counted from 1."""
    return f"{symbol(name)}[{','.join(str(each + 1) for each in place)}]"


def formula(name: str, place: tuple[int, ...]) -> str:
    """Return the same for a formula."""
    called, _, power = symbol(name).partition("^")
    letter, _, sub = called.partition("_")
    placed = f"_{{{sub}}}" * bool(sub) + f"^{{{power}}}" * bool(power)
    return rf"{letter}{placed}[{','.join(str(each + 1) for each in place)}]"
