"""A head without a network of its own: the whole backbone is the denoiser, and its state at a noised token predicts.

Transfusion, DiT and ACDiT (arXiv 2408.11039, 2212.09748, 2412.07720). What is predicted (a velocity, the noise, the
data) is up to the factorisation, which drew noise and time and gives the true value of that target; the loss is the
mean squared error over the channels. There is one draw of noise for each prediction, since each costs a forward.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.diffusion.guidance import guided
from motet.heads.diffusion import READ_BY_SOLVERS, DiffusionSampling
from motet.heads.head import Head, Wishes


class Velocity(Head):
    """A linear map of the hidden state, started at zero, as DiT has it; ``out`` is any other map to ``channels``."""

    reads = READ_BY_SOLVERS

    def __init__(self, dim: int, channels: int, *, out: nn.Module | None = None):
        super().__init__()
        if out is None:
            out = nn.Linear(dim, channels)
            nn.init.zeros_(out.weight)
            nn.init.zeros_(out.bias)
        self.out = out

    def loss(self, h: Float[Tensor, "k d"], value: Tensor, rng: torch.Generator) -> Float[Tensor, " k"]:
        return (self.out(h).float() - value.float()).square().mean(-1)

    def noise(self, k: int, how: DiffusionSampling, rng: torch.Generator) -> Tensor:
        """None: a prediction at a noised token is not drawn."""
        return torch.empty(k, 0)

    def sample(self, h: Float[Tensor, "branches k d"], noise: Tensor, how: DiffusionSampling) -> Float[Tensor, "k c"]:
        """The guided prediction; the solver that asks for it runs in the factorisation."""
        return guided(self.out(h).float(), how.guidance)

    def settings(self, wishes: Wishes) -> DiffusionSampling:
        return DiffusionSampling(wishes.steps, wishes.solver, wishes.guidance, wishes.temperature)
