"""A mean over seeds and its 95 % interval by Student's t: what a handful of runs can say about all runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from motet.errors import DataError

# The 97.5 % points of Student's t for 1, 2, 3 ... degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120)


@dataclass(frozen=True)
class OverSeeds:
    """A mean of ``n`` seeds with its 95 % interval; a single seed has none (low and high are None)."""

    mean: float
    low: float | None
    high: float | None
    n: int

    def below(self, other: "OverSeeds") -> bool:
        """The whole interval lies below the other's. Never true without two intervals."""
        return self.high is not None and other.low is not None and self.high < other.low

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mean:.3g} (one seed)"
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


def over_seeds(values: Sequence[float]) -> OverSeeds:
    """Mean and 95 % t-interval. Beyond 17 seeds the quantile of 17 is kept, which is a little too wide.

    Raises DataError for no values, or one that is not finite.
    """
    n = len(values)
    if not n or not all(math.isfinite(value) for value in values):
        raise DataError(f"a mean over seeds needs finite values; got {list(values)}")
    mean = math.fsum(values) / n
    if n == 1:
        return OverSeeds(mean, None, None, 1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = student_t(n - 1) * deviation / math.sqrt(n)
    return OverSeeds(mean, mean - half, mean + half, n)


def student_t(freedom: int | float) -> float:
    """The 97.5 % point of Student's t; degrees of freedom are rounded down, and 16 stand for all beyond, both to the
    wider side. Raises DataError below 1.
    """
    if freedom < 1:
        raise DataError(f"Student's t needs at least one degree of freedom; got {freedom}")
    whole = int(freedom + 1e-6)  # Welch's are sums of floats, and may come out just below
    return _T[min(whole, len(_T)) - 1]
