"""A mean and its 95 % bootstrap interval (percentile method; Efron 1979)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from motet.errors import DataError

RESAMPLES = 2000
DRAWS_AT_ONCE = 1_000_000


class Interval(NamedTuple):
    """A mean with the bounds that hold 95 % of the means of resampled data. `_asdict()` is its JSON."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"

    def percent(self) -> str:
        """A proportion for the reader: `41.5 % [37.0, 46.0]`."""
        return f"{100 * self.mean:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def mean_interval(values: Tensor | Sequence[float] | Sequence[bool], seed: int = 0) -> Interval:
    """The mean of [n] independent values (or of booleans: a proportion) and its 95 % interval.

    Resampling cannot invent values it has not seen: if all are equal, the interval has no width.
    Raises DataError for no values, more than one axis, or a value that is not finite.
    """
    data = torch.as_tensor(values).detach().to("cpu", torch.float64)
    if data.ndim != 1 or len(data) == 0:
        raise DataError(f"a mean needs a list of at least one value; got shape {list(data.shape)}")
    if not bool(data.isfinite().all()):
        raise DataError(
            f"{int((~data.isfinite()).sum())} of {len(data)} values are not finite; leave them out or mend them"
        )
    rng = torch.Generator().manual_seed(seed)
    n = len(data)
    rows = max(1, DRAWS_AT_ONCE // n)  # a bound on memory, whatever n is
    means = [
        data[torch.randint(n, (min(rows, RESAMPLES - done), n), generator=rng)].mean(1)
        for done in range(0, RESAMPLES, rows)
    ]
    low, high = torch.quantile(torch.cat(means), torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Interval(float(data.mean()), low, high)
