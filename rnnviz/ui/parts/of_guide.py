"""The parts of the page Guide."""

from .part import Part

PARTS = {
    "using": Part("guide", {}, {}),
    "questions": Part("guide", {}, {}),
    "networks": Part("guide", {}, {}),
}
