"""The same digit through two to four networks, in lock-step under one line."""

from dataclasses import replace

import streamlit as st

from rnnviz import checkpoints, record
from rnnviz.ui import cache, compare, frame, picker, state
from rnnviz.ui.choices import choices
from rnnviz.ui.legend import how_to_read
from rnnviz.ui.reading import offered, reading_line

words = frame.open_page("compare")
frame.title(words, "compare.title")

shipped, trained = checkpoints.names(), cache.run_names()
if not shipped:
    st.error(words("problem.no_networks"), icon=":material/error:")
    st.stop()
first = [name for name in compare.FIRST if name in shipped]
first += [name for name in shipped if name not in first][: 3 - len(first)]

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
    notice = st.container()
    above = st.container(horizontal=True, vertical_alignment="center", key="choices")
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
image = shown.image if shown.image is not None else picker.blank()
with figures:
    readers, traces = compare.read(words, compare.opened(words, nets), image)
if len(nets) < 2:
    figures.info(words("compare.few"), icon=":material/info:")
if not readers:
    state.write_link(**picker.link(shown))
    st.stop()
with above, st.container(key="fairness"):
    st.markdown(" · ".join([f"**{shown.caption}**", *compare.fairness(words, readers)]))

# ---- Right, below the figures: what is looked at

lines = [line for reader, trace in zip(readers, traces, strict=True) for line in offered(reader.network, trace)]
with below:
    chosen = choices(words, words("compare.label_auto"), shown.label, lines)

# ---- Right: the figures, and the line through all of them

if chosen.label is not None:
    traces = [record(reader.network, reader.sequence(image), chosen.label) for reader in readers]
looked_at = replace(chosen, norms=()) if shown.problem else chosen
readings = compare.readings(words, readers, traces, looked_at, shown.label)
rows = max(each.rows for each in readings)
if st.session_state.get("step", rows) > rows and "link" not in st.session_state:  # later it is other networks'
    state.ignore("step")
with notice:  # what the link asks for may turn out to be beyond these networks only now
    frame.link_notice(words)


@st.fragment
def read() -> None:
    step = min(st.session_state.get("step", rows), rows)
    says = compare.together(words, [each.by_rows for each in readings], shown.label)
    row = reading_line(words, readings, says, step, shown.source, shown.problem)
    st.session_state["step"] = row
    state.write_link(
        nets=",".join(nets) if nets != first and len(nets) > 1 else None,
        step=row if row != rows else None,
        **chosen.link(),
        **picker.link(shown),
    )


with figures:
    read()
with right:
    st.markdown(words.lesson("compare"))
    if not shown.problem:
        how_to_read(words, readings, rows)
