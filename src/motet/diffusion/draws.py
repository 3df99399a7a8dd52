"""How training draws times and noises: several draws of one value vary less together than independent ones would.

Each draw alone is distributed as if it were the only one, so the loss has the expectation that it should have, and its
gradient has less variance (stratified and antithetic sampling, as in Monte Carlo integration).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

TimeDensity = Literal["uniform", "logit_normal"]

BELOW_ONE = 1 - 2**-24
"""The largest float32 below 1."""


def draw_times(draws: int, n: int, density: TimeDensity, rng: torch.Generator) -> Float[Tensor, "draws n"]:
    """Times in [0, 1) for the draws of ``n`` values: uniform, or the sigmoid of a standard normal (Esser et al. 2024).

    The draws of one value are stratified: each lies in another of ``draws`` equally likely shares of the density, in
    which order is random.
    """
    share = (torch.arange(draws)[:, None] + torch.randint(draws, (n,), generator=rng)) % draws
    even = ((share + torch.rand(draws, n, generator=rng)) / draws).clamp_max(BELOW_ONE)
    return even if density == "uniform" else torch.special.ndtri(even).sigmoid()


def draw_noise(draws: int, shape: tuple[int, ...], rng: torch.Generator) -> Float[Tensor, "draws *shape"]:
    """Standard normal noise for the draws of values of this shape: every second draw is the opposite of the first."""
    one = torch.randn((draws + 1) // 2, *shape, generator=rng)
    return torch.stack([one, -one], 1).flatten(0, 1)[:draws]
