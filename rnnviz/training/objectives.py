"""What a trained module is asked, and how well it answers: by task, with pictures as bytes on the device."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..checkpoints import MOST_DECIBELS
from ..digits import as_sequences
from ..upscaling import FACTOR
from .config import Config


class Classifying:
    """A class after the last step."""

    def __init__(self, config: Config, R: int, C: int, device: torch.device):
        self._delay, self._pixels = config.delay, None
        self.input_size, self.classes = C if config.reading == "rows" else 1, config.data.classes
        if config.reading != "rows":
            order = as_sequences(np.arange(R * C).reshape(R, C), config.reading)[:, 0]
            self._pixels = torch.tensor(order, device=device)

    def sequences(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the network reads (B, T, D) in [0, 1] of bytes (B, R, C); see `digits.as_sequences`."""
        if self._pixels is not None:
            images = images.flatten(1)[:, self._pixels, None]
        elif self._delay:
            images = F.pad(images, (0, 0, 0, self._delay))
        return images / 255

    def outputs(self, model: nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Return the class scores (B, K)."""
        return model(self.sequences(images))

    def loss(self, outputs: torch.Tensor, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(outputs.float(), labels)

    def scores(self, outputs: torch.Tensor, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return for each picture (B,) whether it is read right: their mean is the accuracy."""
        return outputs.argmax(dim=1) == labels

    def answers(self, outputs: torch.Tensor, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the class of each picture (B,), uint8, and how sure the network is of it."""
        confidence, predicted = outputs.softmax(dim=1).max(dim=1)
        return {"predicted": predicted.to(torch.uint8), "confidence": confidence}


class Upscaling:
    """Two rows of the large picture at every step; see `rnnviz.upscaling`."""

    def __init__(self, config: Config, R: int, C: int, device: torch.device):
        self._delay, self.input_size, self.classes = config.delay, C // FACTOR, FACTOR * C

    def sequences(self, images: torch.Tensor) -> torch.Tensor:
        """Return the rows of the small pictures (B, T, D) in [0, 1] of the large ones, bytes (B, 2R, 2C)."""
        return F.pad(F.avg_pool2d(images / 255, FACTOR), (0, 0, 0, self._delay))

    def outputs(self, model: nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Return two rows per step, (B, T, 4C)."""
        return model(self.sequences(images), every=True)

    def loss(self, outputs: torch.Tensor, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        rows = (images / 255).view(len(images), -1, outputs.shape[2])
        return F.mse_loss(outputs.float(), F.pad(rows, (0, 0, self._delay, 0)))

    def scores(self, outputs: torch.Tensor, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the PSNR of each picture (B,) in dB; of one that is met exactly, the most that a card may tell."""
        pictures = outputs[:, self._delay :].float().clamp(0, 1).reshape(images.shape)
        psnr = -10 * (pictures - images / 255).square().mean(dim=(1, 2)).log10()
        return psnr.clamp(max=MOST_DECIBELS)  # infinitely near would be no number in a mean or a file

    def answers(self, outputs: torch.Tensor, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the PSNR of each picture, float32 (B,)."""
        return {"psnr": self.scores(outputs, images, images)}


OBJECTIVES = {"classify": Classifying, "upscale": Upscaling}
