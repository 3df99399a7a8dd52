"""A diffusion process: along which path, at which times, and what a network predicts there."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from motet.diffusion.draws import TimeDensity, draw_times
from motet.diffusion.path import PATHS, Target
from motet.diffusion.time import shifted, visit_times
from motet.errors import ConfigError


@dataclass(frozen=True)
class Process:
    """The settings of a process. A head or a factorisation that denoises adds its own to them."""

    target: Target = field(default="flow", metadata={"help": "what is predicted: x0, epsilon, v or flow"})
    path: str = field(default="straight", metadata={"help": "path from noise to data: straight or cosine"})
    density: TimeDensity = field(default="uniform", metadata={"help": "density of training times"})
    shift: float = field(
        default=1.0, metadata={"help": "moves training and sampling times towards noise; 1: not at all"}
    )
    start: float = field(
        default=0.0, metadata={"help": "where sampling begins: an epsilon near 0 would amplify its error without bound"}
    )

    def __post_init__(self) -> None:
        if self.path not in PATHS:
            raise ConfigError(f"unknown diffusion path {self.path!r}; expected one of: {', '.join(PATHS)}")
        if self.shift <= 0:
            raise ConfigError(f"shift is {self.shift}; it must be positive, and 1 leaves times as they are")
        if not 0 <= self.start < 1:
            raise ConfigError(f"start is {self.start}; sampling begins at a time from 0 (noise) to below 1 (data)")
        if self.target == "epsilon" and self.start == 0:
            raise ConfigError(
                "target=epsilon says nothing of the data at pure noise, so sampling cannot begin there; set start "
                "above 0 (ACDiT's published sampler begins at 0.05)"
            )

    def draw_times(self, draws: int, n: int, rng: torch.Generator) -> Float[Tensor, "draws n"]:
        """Times for training, of several draws of each of ``n`` values, moved by the shift."""
        return shifted(draw_times(draws, n, self.density, rng), self.shift)

    def visits(self, steps: int) -> list[float]:
        """The times that sampling visits, from ``start`` to 1."""
        return [self.start + (1 - self.start) * t for t in visit_times(steps, shift=self.shift)]
