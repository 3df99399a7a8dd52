"""What every head can do."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.diffusion.guidance import Guidance
from motet.diffusion.solver import SolverName


@dataclass(frozen=True)
class Wishes:
    """How a request wants values drawn, in general terms; each head takes what concerns its kind of distribution."""

    guidance: Guidance = Guidance()
    temperature: float = 1.0
    steps: int = 10
    solver: SolverName = "dpmpp_2m"
    top_k: int = 0
    top_p: float = 1.0
    banned: tuple[int, ...] = ()


class Head(nn.Module, ABC):
    """The distribution of one prediction, given the hidden state that makes it."""

    passes: int = 1
    """How many times training runs the head for each prediction."""
    reads: frozenset[str] = frozenset(
        {"guidance", "guidance_interval", "temperature", "steps", "solver", "top_k", "top_p"}
    )
    """Which sampling settings change what it draws: whoever sets another is told. A head that names none takes all."""

    @abstractmethod
    def loss(self, h: Float[Tensor, "k d"], value: Tensor, rng: torch.Generator) -> Float[Tensor, " k"]:
        """Loss of each of ``k`` predictions."""

    @abstractmethod
    def noise(self, k: int, how: Any, rng: torch.Generator) -> Tensor:
        """All the randomness that ``sample`` needs for ``k`` values, ``[k, ...]``."""

    @abstractmethod
    def sample(self, h: Float[Tensor, "branches k d"], noise: Tensor, how: Any) -> Tensor:
        """Values drawn under ``how``; the result is a function of its arguments, with no randomness of its own.

        branches: 1, or 2 for (conditional, unconditional). Raises ConfigError where guidance lacks its second branch.
        """

    @abstractmethod
    def settings(self, wishes: Wishes) -> Any:
        """This head's own ``how``: hashable, with a ``guidance``."""

    def compile_parts(self) -> None:
        """Switches the hot parts to ``torch.compile``, in place; a head that is one matrix has none."""
        return None
