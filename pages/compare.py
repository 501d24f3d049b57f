"""The same digit through two to four networks, in lock-step under one line."""

from dataclasses import replace

import streamlit as st

from rnnviz import checkpoints, record
from rnnviz.ui import cache, compare, frame, picker, state
from rnnviz.ui.legend import how_to_read
from rnnviz.ui.reading import NORMS, Reading, View, offered, reading_line

DEFAULTS = {"label": state.AUTO, "order": "index", "norms": ["h", "c"]}

words = frame.open_page("compare")
frame.title(words, "compare.title")

shipped, trained = checkpoints.names(), cache.run_names()
if not shipped:
    st.error(words("problem.no_networks"), icon=":material/error:")
    st.stop()
first = [name for name in compare.FIRST if name in shipped]
first += [name for name in shipped if name not in first][: 3 - len(first)]

for key, value in DEFAULTS.items():
    st.session_state.setdefault(key, value)
nets = st.session_state.setdefault("nets", first)
there = [name for name in nets if name in shipped or cache.opens(name)]
if there != nets:  # a run of a link that is gone
    state.ignore("nets")
    nets = st.session_state["nets"] = there if len(there) > 1 else first
trained += [name for name in nets if name not in (*shipped, *trained)]  # older runs than those offered

# ---- Left: what is read

left, right = st.columns([1, 3.8], gap="medium")  # frame.css gives the left one the canvas's width
with left, st.container(key="source"):
    shown = picker.pick(words, misread_by=nets[0] if nets else first[0])

# ---- Right, above: who reads, and whether it is fair to compare them

with right:
    frame.link_notice(words)
    above = st.container(horizontal=True, vertical_alignment="bottom", key="choices")
    figures = st.container()
    below = st.container(horizontal=True, vertical_alignment="bottom", key="looked_at")
with above:
    nets = state.remember(
        st.multiselect,
        words("compare.nets"),
        [*shipped, *trained],
        format_func=lambda name: cache.title(words, name),
        key="nets",
        help=words("compare.nets_help"),
        max_selections=state.MAX_COMPARED,
        placeholder=words("compare.choose"),
        filter_mode=None,
        wrap=True,
    )
readers = []
for name in nets:
    try:
        reader = cache.reader(name)
    except (checkpoints.CheckpointError, OSError, KeyError) as error:
        frame.log(error)
        figures.error(words("problem.network", network=name), icon=":material/error:")
        continue
    if reader.reads_digits:
        readers.append(reader)
    else:
        figures.error(words("problem.no_digits", network=reader.title), icon=":material/error:")
if len(nets) < 2:
    figures.info(words("compare.few"), icon=":material/info:")
if not readers:
    state.write_link(**picker.link(shown))
    st.stop()
called = compare.names(readers)
with above, st.container(key="fairness"):
    st.markdown(" · ".join([f"**{shown.caption}**", *compare.fairness(words, called, readers)]))

# ---- Right, below the figures: what is looked at

image = shown.image if shown.image is not None else picker.blank()
sequences = [reader.sequence(image) for reader in readers]
traces = [record(reader.network, sequence) for reader, sequence in zip(readers, sequences, strict=True)]


def label_name(label: str | int) -> str:
    if label == state.AUTO:
        return words("compare.label_auto")
    return words("step.label_true" if label == shown.label else "step.label_class", digit=label)


with below:
    label = state.remember(
        st.selectbox,
        words("step.label"),
        [state.AUTO, *range(10)],
        format_func=label_name,
        key="label",
        filter_mode=None,
    )
    order = state.remember(
        st.segmented_control,
        words("step.order"),
        ["index", "similarity"],
        format_func=lambda order: words(f"step.order_{order}"),
        key="order",
        required=True,
    )
    each_offers = [offered(reader.network, trace) for reader, trace in zip(readers, traces, strict=True)]
    lines = [name for name in NORMS if any(name in offers for offers in each_offers)]
    st.session_state.setdefault("norms_no_c", [line for line in st.session_state["norms"] if line != "c"])
    norms = state.remember(
        st.pills,
        words("step.gradients"),
        lines,
        selection_mode="multi",
        format_func=lambda line: words(f"norm.{line}.name"),
        key="norms" if "c" in lines else "norms_no_c",
    )

# ---- Right: the figures, and the line through all of them

readings = []
for reader, sequence, trace, offers in zip(readers, sequences, traces, each_offers, strict=True):
    layer = reader.network.num_layers - 1
    view = View(
        layer=layer,
        order=cache.similarity_order(reader.name, layer) if order == "similarity" else None,
        norms=() if shown.problem else tuple(line for line in norms if line in offers),
        stride=reader.stride,
    )
    judged = trace if label == state.AUTO else record(reader.network, sequence, label)
    readings.append(Reading(reader.name, reader.network, judged, view))
rows = max(each.rows for each in readings)
readings = [
    replace(each, caption=compare.caption(words, name, reader, each, shown.label, rows))
    for each, name, reader in zip(readings, called, readers, strict=True)
]
if st.session_state.get("step", rows) > rows and "link" not in st.session_state:  # later it is other networks'
    state.ignore("step")


@st.fragment
def read() -> None:
    step = min(st.session_state.get("step", rows), rows)
    says = compare.together(words, [each.by_rows for each in readings], shown.label)
    row = reading_line(words, readings, says, step, shown.source, shown.problem)
    st.session_state["step"] = row
    state.write_link(
        nets=",".join(nets) if nets != first and len(nets) > 1 else None,
        label=None if label == state.AUTO else label,
        order=order if order != DEFAULTS["order"] else None,
        norms=",".join(norms) if norms != [line for line in DEFAULTS["norms"] if line in lines] else None,
        step=row if row != rows else None,
        **picker.link(shown),
    )


with figures:
    read()
with right:
    st.markdown(words.lesson("compare"))
    if not shown.problem:
        how_to_read(words, readings, rows)
