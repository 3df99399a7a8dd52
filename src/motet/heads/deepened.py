"""A layer of its own before a head: Janus' generation head is two layers deep (arXiv 2410.13848, section 3.1)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.heads.head import Head, Wishes


class Deepened(Head):
    """``inner`` on gelu(linear(h)), of the same width."""

    def __init__(self, dim: int, inner: Head):
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(dim, dim), nn.GELU())
        self.inner = inner
        self.passes = inner.passes
        self.reads = inner.reads

    def loss(self, h: Float[Tensor, "k d"], value: Tensor, rng: torch.Generator) -> Float[Tensor, " k"]:
        return self.inner.loss(self.layer(h), value, rng)

    def noise(self, k: int, how: Any, rng: torch.Generator) -> Tensor:
        return self.inner.noise(k, how, rng)

    def sample(self, h: Float[Tensor, "branches k d"], noise: Tensor, how: Any) -> Tensor:
        return self.inner.sample(self.layer(h), noise, how)

    def settings(self, wishes: Wishes) -> Any:
        return self.inner.settings(wishes)

    def compile_parts(self) -> None:
        self.inner.compile_parts()
