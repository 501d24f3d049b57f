"""The guide: one file per part of the page. Each has show(words), which returns what the link holds."""
