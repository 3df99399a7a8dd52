"""Conditions of noised tokens: one vector for each run of tokens that share a diffusion time and a label.

A modulation as wide as six times the model, made anew for each token, would cost as much as the block that it
modulates. All tokens of a noised block share their time, so a row has only a few different conditions: they are kept
once, beside a table of which token has which. A clean token has none, and spreads to zero.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from motet.nn.norm import RMSNorm
from motet.sequence import NO_LABEL, Labels

FEWEST = 4
"""Conditions that there is room for in a row, at least."""


class Condition(NamedTuple):
    """The conditions of a batch.

    vectors: ``[b, s, d]``, s conditions a row at most; of: ``[b, t, s]``, 1 where a token has that condition, else 0.
    """

    vectors: Tensor
    of: Tensor

    def spread(self, made: Float[Tensor, "b s m"]) -> Float[Tensor, "b t m"]:
        """What was made of the conditions, at each of their tokens; zero at clean ones."""
        return self.of.to(made.dtype) @ made


class Runs(NamedTuple):
    """The different times of each row ``[b, s]``, which label goes with each ``[b, s]``, and which token has which,
    ``[b, t, s]``."""

    time: Tensor
    label: Tensor
    of: Tensor


def runs_of(time: Float[Tensor, "b t"], label: Int[Tensor, "b t"] | None = None) -> Runs | None:
    """Runs of neighbours with one time (NaN: clean) and one label; None if no token is noised.

    s is a power of two and not small, so that a compiled block meets few shapes.
    """
    if label is None:
        label = torch.full_like(time, NO_LABEL, dtype=torch.long)
    noised = ~time.isnan()
    before = torch.cat([torch.full_like(time[:, :1], torch.nan), time[:, :-1]], 1)
    of_another = label != torch.cat([label[:, :1], label[:, :-1]], 1)
    run = (noised & ((time != before) | of_another)).cumsum(1)  # from 1; a clean token repeats the run before it
    most = int(run.max())
    if most == 0:
        return None
    width = max(FEWEST, 1 << (most - 1).bit_length())
    run = torch.where(noised, run - 1, width)  # clean tokens write into a column that is dropped
    times = time.new_zeros(len(time), width + 1).scatter(1, run, time.nan_to_num())
    labels = label.new_full(times.shape, NO_LABEL).scatter(1, run, label)
    of = torch.nn.functional.one_hot(run, width + 1)[..., :width].to(time.dtype)
    return Runs(times[:, :width], labels[:, :width], of)


class TimeVector(nn.Module, ABC):
    """Diffusion times -> vectors of the model's width."""

    @abstractmethod
    def forward(self, time: Float[Tensor, "*k"]) -> Float[Tensor, "*k d"]: ...


class LabelVector(nn.Module, ABC):
    """Labels -> vectors of the model's width; a row of nothing but ``NO_LABEL`` stands for no text (the null class)."""

    @abstractmethod
    def forward(self, ids: Int[Tensor, "k m"]) -> Float[Tensor, "k d"]: ...


class Modulation(nn.Module):
    """``n`` vectors for each token, made of its condition by a linear map that starts at zero."""

    def __init__(self, dim: int, n: int):
        super().__init__()
        self.n = n
        self.linear = nn.Linear(dim, n * dim)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, condition: Condition) -> tuple[Float[Tensor, "b t d"], ...]:
        made = self.linear(nn.functional.silu(condition.vectors))
        return condition.spread(made).chunk(self.n, -1)


class Conditioning(nn.Module):
    """Where a backbone's condition comes from, and what it does to the last norm: ``norm(x) (1 + scale) + shift``.

    label: of a model whose pictures are drawn from labels; its vector is added to that of the time.
    """

    def __init__(self, time: TimeVector, dim: int, label: LabelVector | None = None):
        super().__init__()
        self.time = time
        self.label = label
        self.last = Modulation(dim, 2)

    def condition(self, time: Float[Tensor, "b t"], labels: Labels | None = None) -> Condition | None:
        """The condition of a batch; None if none of its tokens is noised."""
        runs = runs_of(time, None if labels is None else labels.of)
        if runs is None:
            return None
        vectors = self.time(runs.time)
        if self.label is not None:
            ids = runs.label.new_empty(0, 1) if labels is None else labels.ids
            known = self.label(torch.cat([ids, ids.new_full((1, ids.shape[1]), NO_LABEL)]))
            vectors = vectors + known[runs.label]  # the last one, at NO_LABEL, is of no text
        return Condition(vectors, runs.of)

    def normed(self, norm: RMSNorm, x: Float[Tensor, "b t d"], condition: Condition) -> Float[Tensor, "b t d"]:
        shift, scale = self.last(condition)
        return norm(x) * (1 + scale) + shift
