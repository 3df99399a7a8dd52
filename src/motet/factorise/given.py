"""What is only read enters by another way than what is made (Janus, arXiv 2410.13848; LaVIT, arXiv 2309.04669).

A picture that nothing predicts is given: its features, each seeing those before it. Any other is factorised as
``inner`` has it, over codes or latents. A segment that is learned as a ``view`` is both: its features enter, and its
codes are predicted, each from the features before it, as LaVIT learns pictures that stand before their text. A picture
that the model drew itself is read as the codes that it drew: they stand in its history already, and a caller who wants
its features encodes it anew.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motet.codecs.halves import Halves
from motet.factorise.factorisation import Factorisation, Wish
from motet.heads.head import Head
from motet.sequence import Predict, Program, Segment, Span


def every(made: Tensor) -> Bool[Tensor, " n"]:
    """All tokens have features."""
    return torch.ones(len(made), dtype=torch.bool)


class Given(Factorisation):
    """``inner`` for what is made; for what is read, a span named ``view``, which nothing predicts unless it is learned.

    carries: which tokens have features, by their codes or latents; the others are left out of a view.
    """

    def __init__(self, inner: Factorisation, halves: Halves, *, view: str, carries: Callable[[Tensor], Tensor] = every):
        self.inner = inner
        self.reads = inner.reads
        self.halves = halves
        self.view = view
        self.carries = carries

    def arrange(self, segment: Segment, start: int, rng: torch.Generator) -> list[Span]:
        made = replace(segment, values=self.halves.made(segment.values))
        spans = self.inner.arrange(made, start, rng)
        if not self.halves.has_both(segment.values) or (segment.learn and not segment.view):
            return spans
        (laid,) = spans
        shown = self.carries(made.values)
        at = torch.arange(int(shown.sum()))
        pos = laid.pos[shown]
        pos[:, 0] = start + at
        true = made.values[shown]
        predict = Predict(at, true, torch.ones(len(at)), of=segment.modality) if segment.learn else None
        return [Span(self.view, self.halves.read(segment.values)[shown], pos, predict=predict)]

    def drawable(self, values: Tensor, grid: tuple[int, ...], scales: int = 0) -> Tensor:
        """The half that is made."""
        return self.inner.drawable(self.halves.made(values), grid, scales)

    def least(self, grid: tuple[int, ...], scales: int = 0) -> int:
        return self.inner.least(grid, scales)

    def generate(self, wish: Wish, head: Head, hidden: Float[Tensor, "branches 1 d"], rng: torch.Generator) -> Program:
        return self.inner.generate(wish, head, hidden, rng)
