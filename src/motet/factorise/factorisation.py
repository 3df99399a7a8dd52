"""What every factorisation can do: the training view and the sampling view of one idea, side by side."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from motet.heads.head import Head
from motet.sequence import Program, Segment, Span


def as_drawn(values: Tensor) -> Tensor:
    """Values as the head has drawn them."""
    return values


@dataclass(frozen=True)
class Wish:
    """What is to be generated: ``grid`` tokens of ``modality`` from index ``start`` on, drawn as ``how`` says.

    rounds: in how many sets, where the factorisation draws sets. scales: how many of them, coarsest first, where the
    segment is a pyramid; 0: all. label: ids of the text that it is drawn from, where that is not in the sequence;
    None: it is. project: what becomes of drawn values before they are placed and returned (``Codec.project``).
    """

    modality: str
    grid: tuple[int, ...]
    start: int
    how: Any
    rounds: int = 64
    scales: int = 0
    label: Int[Tensor, " m"] | None = None
    project: Callable[[Tensor], Tensor] = as_drawn

    def how_at(self, progress: float) -> Any:
        """``how`` for a token that stands at ``progress`` (0 first, 1 last): the guidance of its schedule there."""
        if self.how.guidance.schedule == "constant":
            return self.how
        return replace(self.how, guidance=self.how.guidance.at(progress))


class Factorisation(ABC):
    """Which values of a segment are predicted from which."""

    reads: frozenset[str] = frozenset({"guidance_schedule"})
    """Which sampling settings change the order and the guidance of what is drawn; whoever sets another is told."""

    @abstractmethod
    def arrange(self, segment: Segment, start: int, rng: torch.Generator) -> list[Span]:
        """The spans that train this segment, from document index ``start`` on. Values are already drawn."""

    def drawable(self, values: Tensor, grid: tuple[int, ...], scales: int = 0) -> Tensor:
        """What of a segment's encoded values a model would draw; scales: as in ``Wish``."""
        return values

    def least(self, grid: tuple[int, ...], scales: int = 0) -> int:
        """The tokens that a generated segment of this grid takes at least; scales: as in ``Wish``."""
        return math.prod(grid)

    @abstractmethod
    def generate(self, wish: Wish, head: Head, hidden: Float[Tensor, "branches 1 d"], rng: torch.Generator) -> Program:
        """A program that generates and commits the wished values, and returns them; ``hidden``: of the token before."""
