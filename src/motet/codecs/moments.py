"""Mean and spread of the channels of a codec's values, taken from parts that need not fit into memory together."""

from jaxtyping import Float
from torch import Tensor


class Moments:
    """Of all the rows that were added, in float64. At least one is needed, and two for a ``std``."""

    def __init__(self) -> None:
        self.rows = 0
        self.sums: Tensor | None = None
        self.squares: Tensor | None = None

    def add(self, values: Float[Tensor, "k c"]) -> None:
        exact = values.double()
        sums, squares = exact.sum(0), exact.square().sum(0)
        self.rows += len(values)
        self.sums = sums if self.sums is None else self.sums + sums
        self.squares = squares if self.squares is None else self.squares + squares

    @property
    def mean(self) -> Float[Tensor, " c"]:
        assert self.sums is not None, "nothing was added"
        return self.sums / self.rows

    @property
    def variance(self) -> Float[Tensor, " c"]:
        """The mean square about the mean."""
        assert self.squares is not None, "nothing was added"
        return (self.squares / self.rows - self.mean.square()).clamp_min(0)

    @property
    def std(self) -> Float[Tensor, " c"]:
        """``torch.std``, which divides by one row less."""
        return (self.variance * self.rows / max(1, self.rows - 1)).sqrt()
