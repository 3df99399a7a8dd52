"""One by one in raster order, each from all before it: text, LatentLM's latents, VQ codes."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from motet.factorise.factorisation import Factorisation, Wish
from motet.factorise.in_turn import doubted, in_turn
from motet.heads.head import Head
from motet.sequence import Predict, Program, Segment, Span, positions


class NextToken(Factorisation):
    """p(x) = prod_i p(x_i | x_1 .. x_{i-1}).

    doubt hides some of a learned segment's own tokens from those behind them, while training: each segment draws the
    share that it hides uniformly between 0 and this. What hidden tokens show instead is up to the modality's embedding.
    """

    def __init__(self, *, doubt: float = 0.0):
        self.doubt = doubt

    def arrange(self, segment: Segment, start: int, rng: torch.Generator) -> list[Span]:
        n = len(segment)
        predict = Predict(torch.arange(n), segment.values, torch.ones(n)) if segment.learn else None
        masked = doubted(n, self.doubt, rng) if segment.learn else None
        pos = positions(n, start, segment.grid)
        return [Span(segment.modality, segment.values, pos, masked=masked, predict=predict)]

    def generate(self, wish: Wish, head: Head, hidden: Float[Tensor, "branches 1 d"], rng: torch.Generator) -> Program:
        pos = positions(math.prod(wish.grid), wish.start, wish.grid)
        return (yield from in_turn(wish, pos, head, hidden, rng))
