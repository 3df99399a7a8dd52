"""A head that counts its draws, for programs that are run by hand."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from motet.diffusion.guidance import Guidance
from motet.heads.head import Head, Wishes


@dataclass(frozen=True)
class How:
    guidance: Guidance = Guidance(3.0, "linear")


class Counts(Head):
    """Its noise is the number of the draw."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = 0

    def loss(self, h: Tensor, value: Tensor, rng: torch.Generator) -> Tensor:
        raise AssertionError("nothing is trained here")

    def noise(self, k: int, how: Any, rng: torch.Generator) -> Tensor:
        self.drawn += 1
        return torch.full((k, 1), float(self.drawn))

    def sample(self, h: Tensor, noise: Tensor, how: Any) -> Tensor:
        raise AssertionError("the driver samples, not the program")

    def settings(self, wishes: Wishes) -> How:
        return How()
