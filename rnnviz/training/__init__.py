"""Training on digits.

>>> from rnnviz.digits import mnist
>>> from rnnviz.training.loop import train
>>> from rnnviz.training.presets import preset
>>> digits = mnist.train()
>>> network, history = train(preset("lstm-64"), digits.images, digits.labels)

Settings (`config`, `presets`) need no torch; `modules`, `augment` and `loop` do.
"""
