"""The vanishing-gradient lab: one file per part. Each has show(words), which returns what the address has to hold."""
