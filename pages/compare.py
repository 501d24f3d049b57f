"""The same digit through several networks, in lock-step under one line."""

from rnnviz.ui import frame, state

words = frame.open_page("compare")
frame.title(words, "compare.title")
state.write_link()
