"""The parts of the page Sequences: what goes in and what comes out."""

from .part import Part

PARTS = {
    "hello": Part(
        "sequences",
        {
            "word": "hello",
            "target": "ohlol",
            "encoding": "one_hot",
            "cell": "rnn_tanh",
            "biases": 2,
            "readout": "head",
            "units": 8,
            "optimiser": "adam",
            "rate": 0.1,
            "seed": 0,
            "at": 0,
            "many": 0,
        },
        {
            "hello-head": {},
            "hello-embedding": {"encoding": "embedding"},
            "hello-hidden": {"readout": "hidden", "seed": 1, "at": 80},
            "hello-stuck": {"readout": "hidden", "at": 80},
            "hello-seeds": {"readout": "hidden", "at": 80, "many": 1},
            "hello-own": {"biases": 1},
            "hello-count": {"word": "aaaaa", "target": "abcde"},
            "hello-words": {"word": "I am what I am", "target": "am what I am ."},
            "hello-chinese": {"word": "上海自来水来自海", "target": "海自来水来自海上"},
        },
        answer="b",
        reveals="hello-hidden",
    ),
    "embedding": Part("sequences", {"seed": 0, "at": 0}, {}),
    "shapes": Part("sequences", {"seed": 0, "at": 0}, {}),
    "deep": Part("sequences", {"seed": 0, "at": 0}, {}),
    "upscaling": Part("sequences", {"upscaler": None}, {}),
}
