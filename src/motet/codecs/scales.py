"""The scales of a pyramid: by how much a grid is pooled for each, coarse to fine, and where their tokens stand.

No weights here: whoever lays a pyramid into a sequence needs the counts and the places, not the encoder.
"""

from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from jaxtyping import Int
from torch import Tensor

from motet.codecs.features import centres
from motet.errors import ConfigError, ShapeError


@dataclass(frozen=True)
class Scales:
    """``factors``, each a proper multiple of the next; raises ConfigError if they are not."""

    factors: tuple[int, ...]

    def __post_init__(self) -> None:
        nested = all(0 < small < big and big % small == 0 for big, small in pairwise(self.factors))
        if not self.factors or self.factors[-1] < 1 or not nested:
            raise ConfigError(f"factors {self.factors} must be positive, each a multiple of the next: (8, 4, 2, 1) is")

    def __len__(self) -> int:
        return len(self.factors)

    def sizes(self, grid: tuple[int, ...]) -> list[int]:
        """How many tokens each scale has; raises ShapeError if a factor does not divide the grid."""
        coarsest = self.factors[0]
        if len(grid) != 2 or any(side % coarsest for side in grid):
            raise ShapeError(
                f"a grid of {'x'.join(map(str, grid))} features cannot be pooled by {coarsest}; use pictures whose "
                f"sides are multiples of {coarsest} patches, or smaller factors"
            )
        return [grid[0] * grid[1] // factor**2 for factor in self.factors]

    def held(self, n: int, grid: tuple[int, ...]) -> list[int]:
        """The sizes of the scales that ``n`` tokens are: all of them, or some from the coarsest on.

        Raises ShapeError for a number of tokens that ends within a scale.
        """
        sizes = self.sizes(grid)
        ends = list(accumulate(sizes))
        if n not in ends:
            raise ShapeError(
                f"{n} tokens are no pyramid of grid {grid}: its scales have {sizes}, so whole ones end at {ends}"
            )
        return sizes[: ends.index(n) + 1]

    def positions(self, grid: tuple[int, int], start: int) -> Int[Tensor, "n a"]:
        """(index from ``start``, scale, row, column) of every token; rows and columns are centres in half patches."""
        self.sizes(grid)
        scales = [centres(grid, factor) for factor in self.factors]
        for number, scale in enumerate(scales):
            scale[:, 1] = number
        pos = torch.cat(scales)
        pos[:, 0] = start + torch.arange(len(pos))
        return pos
