"""Part 3: the five shapes of input and output, an example of each trained in the page, and tried out."""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from ... import figures, learn
from ...figures import curves
from ...network import Network
from ...tasks import parity, pictures, reversal, shapes, small_digits
from ...tasks.shapes import SHAPES, TESTED, Networks, Progress, Settings
from ...text import Words
from ...trace import record
from .. import state
from ..callbacks import answered
from ..charts import Chart, charts
from ..parts import stories
from ..parts.growing import Growing
from ..parts.learning import learning
from ..parts.lesson import lesson, predict
from ..slider import slider
from . import diagrams
from .diagrams import DECODER, ENCODER, Box, Column

PART = "shapes"
TOLD = ("shape-once", "shape-rows", "shape-draws", "shape-parity", "shape-sudden", "shape-reverses", "shape-long")
UNITS = (4, 48, 4)
RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05]
MOST_BITS = 12
MOST_LETTERS = 8
FIRST = {"one_to_one": 4, "one_to_many": 3, "many_to_one": 4, "aligned": "1011001", "encoder_decoder": "abcd"}
"""What is tried out first."""
_DIGITS = (1, len(small_digits.part("test").labels))
GIVEN = {"one_to_one": _DIGITS, "many_to_one": _DIGITS, "one_to_many": (0, small_digits.CLASSES - 1)}
"""The least and the greatest number that can be tried out; of the others words are."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    now = st.session_state
    stories.buttons(words, TOLD)
    shape = now["shape"]
    own = SHAPES[shape].settings
    _fill(shape, own)
    titles = {name: words(f"shapes.name.{name}") for name in SHAPES}
    diagrams.choose(words("shapes.choose"), titles, shape, "shape_choice", _take)
    with st.container(key="part_body"):
        st.markdown(words(f"shapes.what.{shape}"))
        left, right = st.columns([1, 3.4], gap="medium")
        with left, st.container(key="part_controls", gap="small"):
            _controls(words, shape)
        settings = Settings(now["cell"], now["units"], now["rate"])
        work = _training(shape, settings, now["seed"])
        with right, st.container(key="part_figure", gap="small"):
            at = learning(words, work)
            _progress(words, shape, settings, work.found[: at + 1])
            kept = work.found[at - at % TESTED]
            if kept.networks is None:
                st.warning(words("shapes.beyond"), icon=":material/trending_up:")
            else:
                st.subheader(words("shapes.try", updates=at - at % TESTED), anchor=False)
                _TRIES[shape](words, kept.networks)
    predict(words, PART)
    lesson(words, PART)
    link = stories.link(PART)
    chosen = dict(zip(Settings._fields, own, strict=True)) | {"given": FIRST[shape]}
    return link | {key: None for key, value in chosen.items() if now[key] == value}


def _take(shape: str) -> None:
    """Show another shape, as it begins."""
    st.session_state.update(stories.PARTS[PART].defaults | {"shape": shape, "seed": st.session_state["seed"]})
    st.session_state["playing"] = False
    state.heard()


def _fill(shape: str, own: Settings) -> None:
    """Put what the link leaves open into the session, and leave out what this shape cannot mean."""
    now = st.session_state
    for key, value in zip(Settings._fields, own, strict=True):
        if now[key] is None:
            now[key] = value
    if now["cell"] not in SHAPES[shape].cells:
        state.ignore("cell")
        now["cell"] = own.cell
    now["rate"] = state.nearest(RATES, now["rate"])
    first = FIRST[shape]
    try:
        now["given"] = first if now["given"] is None else type(first)(now["given"])
        if shape in GIVEN and not GIVEN[shape][0] <= now["given"] <= GIVEN[shape][1]:
            raise ValueError(now["given"])
    except ValueError:
        state.ignore("given")
        now["given"] = first


def _controls(words: Words, shape: str) -> None:
    if len(SHAPES[shape].cells) > 1:
        state.remember(
            st.segmented_control,
            words("shapes.cell"),
            list(SHAPES[shape].cells),
            format_func=lambda cell: words(f"cell.{cell}"),
            key="cell",
            required=True,
        )
    slider(words("shapes.units"), *UNITS, "units")
    state.remember(st.select_slider, words("shapes.rate"), RATES, key="rate", format_func="{:g}".format)
    told = SHAPES[shape]
    st.caption(words(f"shapes.data.{shape}"))
    st.caption(words("shapes.how", batch=told.batch, clip=shapes.CLIP))


@st.cache_resource(show_spinner=False, max_entries=16)  # of 1 to 10 MB each
def _training(shape: str, settings: Settings, seed: int) -> Growing:
    return Growing(lambda: shapes.training(shape, settings, seed), SHAPES[shape].updates + 1)


# ---- How far it is


def _progress(words: Words, shape: str, settings: Settings, found: Sequence[Progress]) -> None:
    theme, told = st.context.theme.type or "light", SHAPES[shape]
    losses = np.array([each.loss for each in found])
    tests = [(k, each.accuracy) for k, each in enumerate(found) if each.accuracy is not None]
    steps, shares = (np.array(each) for each in zip(*tests, strict=True))
    own = settings == told.settings
    looks = {"end": told.updates, "theme": theme, "moment": len(found) - 1}
    hover = {key: words(f"shapes.hover_{key}") + "<extra></extra>" for key in ("loss", "accuracy")}
    loss = curves.curve(np.arange(len(losses)), losses, hover=hover["loss"], level=_floor(shape), **looks)
    reaches = told.reaches if own else None
    share = curves.curve(steps, shares, hover=hover["accuracy"], scale="share", level=reaches, **looks)
    for figure in (loss, share):
        figure.update_layout(height=figure.layout.height + 20, margin_b=figure.layout.margin.b + 20)
        figure.update_xaxes(title={"text": words("learning.update"), "standoff": 2})
    numbers = {"loss": losses[-1], "accuracy": shares[-1], "updates": len(found) - 1, "tested": int(steps[-1])}
    title = words(f"shapes.right.{shape}")
    items = [
        Chart("shape_loss", words(f"shapes.loss.{shape}"), loss, words("shapes.alt_loss", **numbers)),
        Chart("shape_accuracy", title, share, words("shapes.alt_accuracy", **numbers)),
    ]
    charts(items, theme, key="shapes_charts")
    numbers["loss"] = figures.decimal(losses[-1])
    st.caption(words("shapes.now", **numbers) if not own else words("shapes.now_own", reaches=told.reaches, **numbers))


def _floor(shape: str) -> float:
    """Return the loss that a learner is measured by: of guessing; of drawing nothing but the class means."""
    if shape == "one_to_many":
        images, labels = small_digits.part("train")
        return float(((images - small_digits.class_means("train")[labels]) ** 2).mean())
    return float(np.log({"aligned": 2, "encoder_decoder": reversal.SIGNS}.get(shape, small_digits.CLASSES)))


# ---- Trying it out


def _digit(words: Words, networks: Networks, view: Callable) -> tuple[np.ndarray, int | None]:
    """Show the choice of a digit from the test part; return it with its label, or what was painted on it, with none."""
    now = st.session_state
    images, labels = small_digits.part("test")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="shape_digit"):
        number = slider(words("shapes.digit"), 1, len(labels), 1, "given")
        st.button(
            words("shapes.misread"), icon=":material/search:", key="shape_misread", on_click=answered(_next_misread),
            args=(networks[0], view),
        )  # fmt: skip
        # What was painted was painted on a digit, and goes with it.
        if now["picture"] and now.setdefault("painted_on", number) == number:
            st.button(words("shapes.unpaint"), icon=":material/undo:", key="shape_unpaint", on_click=answered(_unpaint))
            return small_digits.unpack(now["picture"]), None
    _unpaint()
    return images[number - 1], int(labels[number - 1])


def _paint(picture: np.ndarray) -> None:
    now = st.session_state
    now["picture"], now["painted_on"] = small_digits.pack(picture), now["given"]
    state.heard()


def _unpaint() -> None:
    st.session_state["picture"] = None
    st.session_state.pop("painted_on", None)


def _next_misread(network: Network, view: Callable) -> None:
    """Go to the next digit of the test part that the network reads wrong; stay where there is none."""
    right = pictures.answers(network, view, "test") == small_digits.part("test").labels
    wrong, now = np.flatnonzero(~right) + 1, st.session_state
    if len(wrong):
        now["given"] = int(next(iter(wrong[wrong > now["given"]]), wrong[0]))
    state.heard()


def _read(words: Words, shape: str, networks: Networks, view: Callable) -> None:
    image, label = _digit(words, networks, view)
    trace = record(networks[0], view(image), label)
    answer, prob, last = trace.prediction, trace["probs"][-1].max(), len(trace) - 1
    said = Box(str(answer), note=f"{prob:.0%}", right=None if label is None else answer == label)
    columns = [
        Column(Box(pixels=image if not last else row[None]), said if t == last else None, h)
        for t, (row, h) in enumerate(zip(trace["x"], trace["h"][0], strict=True))
    ]
    told = {"label": words("shapes.painted") if label is None else label, "answer": answer, "prob": prob}
    title = words("shapes.picture_painted") if label is None else words("shapes.picture", label=label)
    alt = words(f"shapes.alt.{shape}", **told)
    diagrams.unrolled(columns, alt, "shape_tried", {title: image}, words("shapes.paint"), _paint)
    verdict = "unjudged" if label is None else "right" if answer == label else "wrong"
    st.markdown(words(f"shapes.read_{verdict}", **told))
    st.caption(words("shapes.paint"))
    _gradients(words, {"": learn.gradients(networks[0], trace)})


def _one_to_one(words: Words, networks: Networks) -> None:
    _read(words, "one_to_one", networks, pictures.at_once)


def _many_to_one(words: Words, networks: Networks) -> None:
    _read(words, "many_to_one", networks, pictures.by_rows)


def _one_to_many(words: Words, networks: Networks) -> None:
    label = state.remember(
        st.segmented_control, words("shapes.label"), list(range(small_digits.CLASSES)), key="given", required=True
    )
    mean = small_digits.class_means("train")[label]
    trace = record(networks[0], pictures.label_first(label), mean, loss="mse")
    drawn = trace["logits"]
    nearest = int(small_digits.nearest_class(drawn[None])[0])
    columns = [
        Column(Box(str(label)) if not t else None, Box(pixels=row[None]), trace["h"][0, t])
        for t, row in enumerate(drawn)
    ]
    told = {"label": label, "nearest": nearest, "difference": trace.loss}
    shown = {words("shapes.drawn"): drawn, words("shapes.mean", label=label): mean}
    diagrams.unrolled(columns, words("shapes.alt.one_to_many", **told), "shape_tried", shown)
    st.markdown(words("shapes.drawn_right" if nearest == label else "shapes.drawn_wrong", **told))
    _gradients(words, {"": learn.gradients(networks[0], trace)})


def _aligned(words: Words, networks: Networks) -> None:
    text = state.remember(st.text_input, words("shapes.bits"), key="given", max_chars=MOST_BITS)
    if not text or set(text) - set("01") or len(text) > MOST_BITS:
        st.info(words("shapes.bits_bad", most=MOST_BITS), icon=":material/keyboard:")
        return
    bits = np.array([int(bit) for bit in text])
    expected = parity.parities(bits)
    trace = record(networks[0], parity.sequence(bits), expected, loss="every")
    answers = trace["logits"].argmax(axis=1)
    columns = [
        Column(Box(bit), Box(str(said), note=f"{probs[said]:.0%}", right=bool(said == meant)), h)
        for bit, said, meant, probs, h in zip(text, answers, expected, trace["probs"], trace["h"][0], strict=True)
    ]
    told = {"bits": text, "said": "".join(map(str, answers)), "right": int((answers == expected).sum())}
    told |= {"steps": len(bits), "meant": "".join(map(str, expected))}
    diagrams.unrolled(columns, words("shapes.alt.aligned", **told), "shape_tried", {})
    st.markdown(words("shapes.parity_told", **told))
    if len(bits) > parity.LONG:
        st.caption(words("shapes.parity_longer", longest=parity.LONG))
    _gradients(words, {"": learn.gradients(networks[0], trace)})


def _encoder_decoder(words: Words, networks: Networks) -> None:
    text = state.remember(st.text_input, words("shapes.word"), key="given", max_chars=MOST_LETTERS)
    if not text or set(text) - set(reversal.LETTERS) or len(text) > MOST_LETTERS:
        told = {"letters": " ".join(reversal.LETTERS), "most": MOST_LETTERS}
        st.info(words("shapes.word_bad", **told), icon=":material/keyboard:")
        return
    pair = reversal.Pair(*networks)
    written = reversal.write(pair, text)
    meant = [*reversal.codes(text)[::-1], reversal.END]
    signs = [reversal.LETTERS[sign] if sign != reversal.END else words("shapes.end") for sign in written.signs]
    columns = [Column(Box(letter), None, h, ENCODER) for letter, h in zip(text, written.read, strict=True)]
    columns[0] = columns[0]._replace(title=words("shapes.encoder"))
    for t, (sign, number, probs, h) in enumerate(zip(signs, written.signs, written.probs, written.states, strict=True)):
        right = t < len(meant) and int(number) == meant[t]
        said = Box(sign, note=f"{probs.max():.0%}", right=right)
        given = Box(signs[t - 1] if t else words("shapes.start"))
        columns.append(Column(given, said, h, DECODER, fed=t > 0, handed=not t))
    columns[len(text)] = columns[len(text)]._replace(title=words("shapes.decoder"))
    told = {"word": text, "written": reversal.text(written.signs), "meant": text[::-1], "longest": reversal.LONGEST}
    diagrams.unrolled(columns, words("shapes.alt.encoder_decoder", **told), "shape_tried", {})
    right = written.ended and told["written"] == told["meant"]
    sentences = [words("shapes.written_right" if right else "shapes.written_wrong", **told)]
    if len(text) > reversal.LONGEST:
        sentences.append(words("shapes.word_longer", **told))
    elif text in reversal.words("train"):
        sentences.append(words("shapes.word_known"))
    else:
        sentences.append(words("shapes.word_new"))
    st.markdown(words.join(sentences))
    taught = reversal.lesson(pair, text)
    _gradients(words, {ENCODER: taught.gradients.encoder, DECODER: taught.gradients.decoder})


def _gradients(words: Words, of: dict[str, learn.Arrays]) -> None:
    """Tell how long the gradient of what was tried is in every matrix."""
    told = []
    for part, gradients in of.items():
        named = [("ih", "rnn.weight_ih_l0"), ("hh", "rnn.weight_hh_l0")]
        named += [] if part == ENCODER else [("hy", "head.weight")]
        for symbol, name in named:
            length = learn.norm({name: gradients[name]})
            value = words("shapes.zero") if not length else figures.power(float(np.log10(length)))
            told.append(words("shapes.gradient_of", symbol=symbol, part=part and words(f"shapes.{part}"), value=value))
    st.caption(words.join([words("shapes.read"), words("shapes.gradient", lengths=", ".join(told))]))


_TRIES: dict[str, Callable[[Words, Networks], None]] = {
    "one_to_one": _one_to_one,
    "one_to_many": _one_to_many,
    "many_to_one": _many_to_one,
    "aligned": _aligned,
    "encoder_decoder": _encoder_decoder,
}
