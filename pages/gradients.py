"""The vanishing-gradient lab."""

from rnnviz.ui.lab import exploding, fan, proof, recall, unrolled, why
from rnnviz.ui.parts import page

page.show(
    "gradients",
    {
        "fan": fan.show,
        "why": why.show,
        "unrolled": unrolled.show,
        "recall": recall.show,
        "exploding": exploding.show,
        "proof": proof.show,
    },
)
