"""The Runs page: the list of all runs, one run, several beside each other, a group of them."""
