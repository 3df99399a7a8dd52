"""Smooth random pictures, which a small codec can learn."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def pictures(n: int, height: int = 8, width: int = 12) -> Tensor:
    """The same ones each time, in -1 to 1."""
    coarse = torch.randn(n, 3, height // 4 + 1, width // 4 + 1, generator=torch.Generator().manual_seed(1))
    return interpolate(coarse, (height, width), mode="bilinear").tanh()
