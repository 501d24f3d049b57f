"""The parts of the page Sequences: what goes in and what comes out."""

from .part import Part

PARTS = {
    "hello": Part("sequences", {"seed": 0, "at": 0}, {}),
    "embedding": Part("sequences", {"seed": 0, "at": 0}, {}),
    "shapes": Part("sequences", {"seed": 0, "at": 0}, {}),
    "deep": Part("sequences", {"seed": 0, "at": 0}, {}),
    "upscaling": Part("sequences", {"upscaler": None}, {}),
}
