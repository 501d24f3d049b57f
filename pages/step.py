"""Draw or pick a digit and step it row by row through a network: the landing page."""

import streamlit as st

from rnnviz import checkpoints, record
from rnnviz.ui import cache, frame, picker, state
from rnnviz.ui.choices import choices
from rnnviz.ui.legend import how_to_read
from rnnviz.ui.markdown import escaped
from rnnviz.ui.reading import Reading, View, offered, reading_line, sentences

FOR_SAMPLES, FOR_DRAWINGS = "lstm-64", "lstm-128"  # what "automatic" means; the larger one knows all kinds of pens

words = frame.open_page("step")
frame.title(words, "step.title")

shipped, trained = checkpoints.names(), cache.run_names()
if not shipped:
    st.error(words("problem.no_networks"), icon=":material/error:")
    st.stop()
for_samples, for_drawings = (name if name in shipped else shipped[0] for name in (FOR_SAMPLES, FOR_DRAWINGS))

st.session_state.setdefault("net", state.AUTO)

# ---- Left: what is read

left, right = st.columns([1, 3.8], gap="medium")  # frame.css gives the left one the canvas's width
with left, st.container(key="source"):
    picked = st.session_state["net"]
    if picked not in (state.AUTO, *shipped, *trained):  # an older run than those offered, or one that is gone
        if cache.opens(picked):
            trained = [*trained, picked]
        else:
            state.ignore("net")
            picked = st.session_state["net"] = state.AUTO
    shown = picker.pick(words, misread_by=for_samples if picked == state.AUTO else picked)

# ---- Right, above: who reads, and what is looked at

suits = for_samples if shown.source == "sample" else for_drawings
with right, st.container(horizontal=True, vertical_alignment="bottom", key="choices"):
    picked = state.remember(
        st.selectbox,
        words("step.network"),
        [state.AUTO, *shipped, *trained],
        format_func=lambda name: words("step.auto", network=suits) if name == state.AUTO else cache.title(words, name),
        key="net",
        help=words("shown.auto_sample", network=for_samples, other=for_drawings),
        filter_mode=None,
    )
    name = suits if picked == state.AUTO else picked
    try:
        reader = cache.reader(name)
    except (checkpoints.CheckpointError, OSError, KeyError) as error:
        frame.log(error)
        st.error(words("problem.network", network=name), icon=":material/error:")
        st.caption(words("problem.network_hint", network=name))
        st.stop()
    if not reader.reads_digits:
        st.error(words("problem.no_digits", network=escaped(reader.title)), icon=":material/error:")
        st.stop()
    network = reader.network

    layers = list(range(1, network.num_layers + 1))
    layer = layers[-1]
    if len(layers) > 1:
        if st.session_state.setdefault("layer", layer) > layer:
            state.ignore("layer")
            st.session_state["layer"] = layer
        layer = state.remember(st.segmented_control, words("step.layer"), layers, key="layer", required=True)

    image = shown.image if shown.image is not None else picker.blank()
    sequence = reader.sequence(image)
    try:
        trace = record(network, sequence)
    except OverflowError:
        st.error(words("problem.overflow", network=escaped(reader.title)), icon=":material/trending_up:")
        st.stop()
    answer = words("step.label_none") if shown.problem else words("step.label_auto", answer=trace.prediction)
    chosen = choices(words, answer, shown.label, offered(network, trace))

# ---- Right, below: the reading line

view = View(
    layer=layer - 1,
    order=cache.similarity_order(name, layer - 1) if chosen.order == "similarity" else None,
    norms=() if shown.problem else chosen.norms,
    stride=reader.stride,
)
if chosen.label is not None:
    trace = record(network, sequence, chosen.label)
reading = Reading(name, network, trace, view)
rows = reading.rows
if st.session_state.get("step", rows) > rows and "link" not in st.session_state:  # later it is another network's
    state.ignore("step")


@st.fragment
def read() -> None:
    step = min(st.session_state.get("step", rows), rows)
    says = sentences(words, reading.by_rows, shown.label)
    row = reading_line(words, [reading], says, step, shown.source, shown.problem)
    st.session_state["step"] = row
    state.write_link(
        net=None if picked == state.AUTO else picked,
        layer=layer if layer != layers[-1] else None,
        step=row if row != rows else None,
        **chosen.link(),
        **picker.link(shown),
    )
    if not shown.problem:
        how_to_read(words, [reading], row)


with right:
    frame.link_notice(words)
    st.caption(f"**{shown.caption}** · {frame.about(words, reader)}")
    read()
