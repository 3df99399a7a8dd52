"""What Motet and the package have in common as contestants: runs, a setting to do them in, weights to sample with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)
Run = Callable[[int], int]
"""Does number i of the runs, and returns how many tokens or pictures it was."""


@dataclass(frozen=True)
class Setting:
    """How a contestant runs; ``strategy`` is the package's ``modality_processing``."""

    bf16: bool
    compiled: str = ""
    strategy: str = ""

    def __str__(self) -> str:
        compiled = f"compiled {self.compiled}" if self.compiled else "eager"
        return ", ".join(part for part in ("bf16" if self.bf16 else "fp32", compiled, self.strategy) if part)

    def autocast(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bf16)


def stirred(model: Module) -> Module:
    """Fresh weights with nothing at zero."""
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=rng))
    return model.eval()
