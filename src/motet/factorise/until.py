"""One by one until an end is drawn: pictures of as many codes as they need (LaVIT, arXiv 2309.04669)."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from motet.codecs.sentence import Sentence
from motet.factorise.factorisation import Factorisation, Wish
from motet.heads.head import Head
from motet.sequence import Append, Commit, Draw, Predict, Program, Segment, Span, positions


class Until(Factorisation):
    """p(x) = prod_i p(x_i | x_1 .. x_{i-1}), the last x being the end of the ``sentence``.

    The grid of a segment is that of the picture's patches, which bounds the number of codes. Behind the most that it
    allows the end is certain, so it is neither predicted nor drawn.

    usual: the share of the most ids that a picture has on average; where linear guidance comes to its scale.
    """

    def __init__(self, sentence: Sentence, *, usual: float = 1.0):
        self.sentence = sentence
        self.usual = usual

    def arrange(self, segment: Segment, start: int, rng: torch.Generator) -> list[Span]:
        n = len(segment)
        certain = n > self.sentence.longest(math.prod(segment.grid))
        at = torch.arange(n - 1 if certain else n)
        predict = Predict(at, segment.values[at], torch.ones(len(at))) if segment.learn else None
        pos = self._positions(segment.values, start, segment.grid)
        return [Span(segment.modality, segment.values, pos, predict=predict)]

    def least(self, grid: tuple[int, ...], scales: int = 0) -> int:
        """The end alone."""
        return 1

    def generate(self, wish: Wish, head: Head, hidden: Float[Tensor, "branches 1 d"], rng: torch.Generator) -> Program:
        most = self.sentence.longest(math.prod(wish.grid))
        usual = max(1, round(self.usual * most) - 1)
        ids = torch.empty(0, dtype=torch.long)
        while self.sentence.end not in ids:
            value = torch.tensor([self.sentence.end])
            if len(ids) < most:
                how = wish.how_at(min(1.0, len(ids) / usual))
                value = yield Draw(wish.modality, hidden, head.noise(1, how, rng), how)
            ids = torch.cat([ids, value])
            pos = self._positions(ids, wish.start, wish.grid)
            span = Span(wish.modality, value, pos[-1:])
            if self.sentence.end in ids:
                yield Append(span)
            else:
                hidden = yield Commit(span)
        return ids

    def _positions(self, ids: Int[Tensor, " n"], start: int, grid: tuple[int, ...]) -> Int[Tensor, "n a"]:
        """Of the index alone; and of the place that was last said, where places are said."""
        pos = positions(len(ids), start)
        if self.sentence.places:
            place = self.sentence.places_of(ids)
            pos[:, -2], pos[:, -1] = place // grid[-1], place % grid[-1]
        return pos
