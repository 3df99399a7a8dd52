"""What factorisations that go token by token share: the loop that generates, and doubt in training."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motet.factorise.factorisation import Wish
from motet.heads.head import Head
from motet.sequence import Append, Commit, Draw, Program, Span


def in_turn(
    wish: Wish,
    pos: Int[Tensor, "n a"],
    head: Head,
    hidden: Float[Tensor, "branches 1 d"],
    rng: torch.Generator,
) -> Program:
    """A value at each position, drawn from all before it. The last one is placed without a pass of its own."""
    values = []
    for i in range(len(pos)):
        how = wish.how_at(i / max(1, len(pos) - 1))
        drawn = yield Draw(wish.modality, hidden, head.noise(1, how, rng), how)
        value = wish.project(drawn)
        values.append(value)
        span = Span(wish.modality, value, pos[i : i + 1])
        if i + 1 < len(pos):
            hidden = yield Commit(span)
        else:
            yield Append(span)
    return torch.cat(values)


def doubted(n: int, doubt: float, rng: torch.Generator) -> Bool[Tensor, " n"] | None:
    """Which of a learned segment's tokens are hidden from those behind them: a share between 0 and ``doubt``."""
    return torch.rand(n, generator=rng) < doubt * torch.rand((), generator=rng) if doubt else None
