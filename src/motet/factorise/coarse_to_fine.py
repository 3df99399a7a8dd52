"""Coarse to fine: the tokens of a pyramid one by one, each from all coarser ones and those before it in its scale.

PUMA (arXiv 2410.13861, section 3.3) has five scales, Emu (2307.05222) one. A scale's errors count by its weight, since
a coarse token says more about the picture than a fine one, and there are fewer of them.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from motet.codecs.scales import Scales
from motet.errors import ConfigError
from motet.factorise.factorisation import Factorisation, Wish
from motet.factorise.in_turn import doubted, in_turn
from motet.heads.head import Head
from motet.sequence import Predict, Program, Segment, Span


class CoarseToFine(Factorisation):
    """p(x) = prod_i p(x_i | x_1 .. x_{i-1}), the coarsest scale first, each scale in raster order.

    weights: of the errors of one token of each scale (PUMA's alphas). doubt: as in ``NextToken``, the largest share of
    a learned segment's own tokens that is hidden from those behind them while training.
    Raises ConfigError if there is not one positive weight for each scale.
    """

    def __init__(self, scales: Scales, weights: Sequence[float], *, doubt: float = 0.0):
        if len(weights) != len(scales) or min(weights) <= 0:
            raise ConfigError(
                f"weights {tuple(weights)} for scales {scales.factors}: give each scale one positive weight"
            )
        self.scales = scales
        self.weights = tuple(weights)
        self.doubt = doubt
        self.reads = frozenset({"guidance_schedule", "scales"} if len(scales) > 1 else {"guidance_schedule"})

    def arrange(self, segment: Segment, start: int, rng: torch.Generator) -> list[Span]:
        """One span; a pyramid that ends early is laid as far as it goes."""
        n = len(segment)
        rows, columns = segment.grid
        held = self.scales.held(n, segment.grid)
        predict, masked = None, None
        if segment.learn:
            weight = torch.tensor(self.weights[: len(held)]).repeat_interleave(torch.tensor(held))
            predict = Predict(torch.arange(n), segment.values, weight)
            masked = doubted(n, self.doubt, rng)
        pos = self.scales.positions((rows, columns), start)[:n]
        return [Span(segment.modality, segment.values, pos, masked=masked, predict=predict)]

    def drawn(self, scales: int, grid: tuple[int, ...]) -> int:
        """How many tokens so many scales have, coarsest first; 0: all of them.

        Raises ConfigError if there are not so many.
        """
        sizes = self.scales.sizes(grid)
        if not 0 <= scales <= len(sizes):
            raise ConfigError(f"scales={scales}, but a picture has {len(sizes)}; 0 generates all of them")
        return sum(sizes[: scales or None])

    def least(self, grid: tuple[int, ...], scales: int = 0) -> int:
        return self.drawn(scales, grid)

    def drawable(self, values: Tensor, grid: tuple[int, ...], scales: int = 0) -> Tensor:
        """The scales that are drawn. Raises ConfigError if there are not so many."""
        return values[: self.drawn(scales, grid)]

    def generate(self, wish: Wish, head: Head, hidden: Float[Tensor, "branches 1 d"], rng: torch.Generator) -> Program:
        """Raises ConfigError if more scales are wished than there are."""
        n = self.drawn(wish.scales, wish.grid)
        rows, columns = wish.grid
        pos = self.scales.positions((rows, columns), wish.start)[:n]
        return (yield from in_turn(wish, pos, head, hidden, rng))
