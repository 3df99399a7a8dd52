"""Regression: the one value that is expected, and no distribution around it.

Emu (arXiv 2307.05222, equation 2) and PUMA (2410.13861, equation 3) predict features so, by least squares:

    loss = |value - linear(h)|^2 / channels

What least squares learns is the mean of all values that could follow. Where a prompt leaves much open that mean is the
features of no picture, and everybody who asks gets the same one: variety is left to the decoder of the features.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.diffusion.guidance import Guidance, guided
from motet.heads.head import Head, Wishes


@dataclass(frozen=True)
class RegressionSampling:
    """How a value is told: there is nothing to draw, only guidance."""

    guidance: Guidance = Guidance()


class Regression(Head):
    """A linear map of the hidden state to ``channels`` numbers; it starts at zero, the mean of scaled features."""

    reads = frozenset({"guidance"})

    def __init__(self, dim: int, channels: int):
        super().__init__()
        self.out = nn.Linear(dim, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def loss(self, h: Float[Tensor, "k d"], value: Tensor, rng: torch.Generator) -> Float[Tensor, " k"]:
        return (self.out(h).float() - value.float()).square().mean(-1)

    def noise(self, k: int, how: RegressionSampling, rng: torch.Generator) -> Tensor:
        """None: nothing is drawn."""
        return torch.empty(k, 0)

    def sample(self, h: Float[Tensor, "branches k d"], noise: Tensor, how: RegressionSampling) -> Float[Tensor, "k c"]:
        """The guided prediction: equal states have equal values."""
        return guided(self.out(h).float(), how.guidance)

    def settings(self, wishes: Wishes) -> RegressionSampling:
        return RegressionSampling(wishes.guidance)
