"""Sequences in, sequences out: letters, embeddings, the five shapes, deep networks, super-resolution."""

from rnnviz.ui.parts import page
from rnnviz.ui.sequences import deep, embedding, hello, shapes, upscaling

page.show(
    "sequences",
    {
        "hello": hello.show,
        "embedding": embedding.show,
        "shapes": shapes.show,
        "deep": deep.show,
        "upscaling": upscaling.show,
    },
)
