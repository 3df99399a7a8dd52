"""How closely two measures go together over runs: Pearson's correlation, and the same of their ranks (Spearman)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation


@dataclass(frozen=True)
class Correlation:
    """Of ``n`` pairs. None where a measure does not vary at all, or there is one pair: there is none."""

    pearson: float | None
    rank: float | None
    n: int

    def __str__(self) -> str:
        told = ["undefined" if value is None else f"{value:.2f}" for value in (self.pearson, self.rank)]
        return f"{told[0]} (Pearson), {told[1]} (ranks), over {self.n} runs"


def correlated(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """How two measures of the same runs go together."""
    return Correlation(_pearson(x, y), _pearson(ranks(x), ranks(y)), len(x))


def ranks(values: Sequence[float]) -> list[float]:
    """The place of each value in order, from 1; equal values share the mean of their places."""
    return [
        sum(other < value for other in values) + (1 + sum(other == value for other in values)) / 2 for value in values
    ]


def _pearson(x: Sequence[float], y: Sequence[float]) -> float | None:
    try:
        return correlation(x, y)
    except StatisticsError:  # fewer than two pairs, or one of them is constant
        return None
