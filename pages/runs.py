"""All training runs: find, compare, look into, keep, delete."""

import streamlit as st

from rnnviz.training.runs import NoSuchRun, Run
from rnnviz.ui import frame, state
from rnnviz.ui.callbacks import answered
from rnnviz.ui.markdown import escaped
from rnnviz.ui.runs import groups, known, listing, one, several

began_here = "page" not in st.session_state  # only then is a link's choice of runs meant for this page
words = frame.open_page("runs")
st.html(frame.HERE / "runs" / "runs.css")
frame.title(words, "runs.title")
frame.link_notice(words)

# ---- What is asked for: nothing, a run, a group, or runs beside each other

asked = st.session_state.setdefault("opened", st.session_state.get("runs", []) if began_here else [])
found, gone = [], []
for id in asked:
    try:
        entry = known.entry(Run(id))
    except NoSuchRun:
        entry = None
    row = known.Row(id, (entry,)) if entry else known.members(id)
    (found if row else gone).append(row or id)
if gone:
    st.warning(words("runs.gone", ids=", ".join(gone)), icon=":material/search_off:")
entries = [entry for row in found for entry in row.entries]
state.write_link(runs=",".join(row.id for row in found) or None)

# ---- The way back

if asked:
    with st.container(horizontal=True, key="runs_way"):
        options = {"icon": ":material/arrow_back:", "key": "runs_back", "args": ([],)}
        st.button(words("runs.back"), on_click=answered(listing.open_runs), **options)
        group = entries[0].group if len(entries) == 1 else None
        if group:
            text, options = words("runs.back_group", name=escaped(group.name or group.id)), {"args": ([group.id],)}
            st.button(text, key="runs_back_group", on_click=answered(listing.open_runs), **options)

# ---- What there is of it

if not found:
    listing.show(words)
elif len(found) == 1 and found[0].group:
    groups.show(words, found[0])
elif len(entries) == 1:
    one.show(words, entries[0])
else:
    if len(entries) > state.MAX_RUNS:
        st.caption(words("runs.too_many", most=state.MAX_RUNS, count=len(entries)))
    several.show(words, entries[: state.MAX_RUNS])
