"""A picture as a sentence of ids: as many codes as it needs, then an end (LaVIT, arXiv 2309.04669).

0 .. codes - 1             a code
codes                      the end
codes + 1 + place          the place in the grid of the code behind it, in raster order, where places are said
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor


@dataclass(frozen=True)
class Sentence:
    """What ids mean. places: how many places of a grid can be said; 0: codes are told apart by their rank alone."""

    codes: int
    places: int = 0

    @property
    def end(self) -> int:
        return self.codes

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self.codes + 1 + self.places

    def longest(self, tokens: int) -> int:
        """The most ids that a picture of a grid of ``tokens`` places has before its end."""
        return 2 * tokens if self.places else tokens

    def write(self, codes: Int[Tensor, " k"], at: Int[Tensor, " k"]) -> Int[Tensor, " n"]:
        """The sentence of codes that stand at these places of the grid."""
        said = torch.stack([self.codes + 1 + at, codes], 1).flatten() if self.places else codes
        return torch.cat([said, said.new_tensor([self.end])])

    def carries(self, ids: Int[Tensor, "*b n"]) -> Bool[Tensor, "*b n"]:
        """Which ids are codes before the end."""
        ended = (ids == self.end).cumsum(-1) > 0
        return (ids < self.codes) & ~ended

    def places_of(self, ids: Int[Tensor, "*b n"]) -> Int[Tensor, "*b n"]:
        """The last place said up to each id; 0 before any."""
        number = torch.arange(ids.shape[-1], device=ids.device).expand_as(ids)
        last = torch.where(ids > self.end, number, -1).cummax(-1).values
        place = ids.gather(-1, last.clamp_min(0)) - self.codes - 1
        return torch.where(last >= 0, place, 0)
