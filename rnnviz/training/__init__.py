"""Training on digits.

>>> from rnnviz.digits import mnist
>>> from rnnviz.training.loop import train
>>> from rnnviz.training.presets import preset
>>> digits = mnist.train()
>>> network, history = train(preset("lstm-64"), digits.images, digits.labels)

That is the library's way: one call, nothing on the disk. The app and the command line start runs (`runs`), which a
process of its own (`worker`) trains and a folder of its own holds. `modules`, `augment`, `loop` and the worker need
torch; the rest does not.
"""
