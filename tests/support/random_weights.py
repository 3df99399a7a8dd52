"""Random weights everywhere: fresh blocks and heads add nothing, under which many a test would pass."""

from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


@torch.no_grad()
def randomise(module: M, rng: torch.Generator, *, spread: float) -> M:
    """``module`` itself, its parameters drawn about 0; scales, and all else that is one row of numbers, about 1."""
    for parameter in module.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=rng) * spread + (parameter.ndim == 1))
    return module
