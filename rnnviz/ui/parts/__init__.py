"""What pages of several parts are built of: settings that one link carries, lessons, predictions, live training.

A page that has parts lists a module for each, whose show(words) returns what the address has to hold; what a part
begins with stands in `of_<page>.py`.
"""
