"""How many patches a dynamic tokenizer keeps: as many as its selector asks for, or the same number of every picture.

The first is LaVIT's (arXiv 2309.04669, section 3.1), whose loss holds the share that a batch keeps at the wanted rate.
The second is what it is to be compared with: only that the number depends on the content is taken away. While the
selector learns, the loss holds the share that every picture keeps; afterwards the patches that are asked for most are
kept. So both begin with nearly all patches and come down to the rate alike.

    content   rate = (wanted - mean over the batch of keep)^2
    fixed     rate = mean over pictures of (wanted - mean of keep)^2
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from motet.codecs.merger import select

Number = Literal["content", "fixed"]


@dataclass(frozen=True)
class Selection(ABC):
    """rate: the share of patches that are kept, over all pictures."""

    rate: float

    @abstractmethod
    def keep(self, logits: Float[Tensor, "b t"], noise: Float[Tensor, "b t"] | None = None) -> Float[Tensor, "b t"]:
        """1 for kept patches, 0 for dropped. ``noise``: logistic, while the selector learns; the gradient is that of
        the sigmoid."""

    @abstractmethod
    def missed(self, keep: Float[Tensor, "b t"]) -> Float[Tensor, ""]:
        """By how much the rate is missed, squared: a term of the loss."""


@dataclass(frozen=True)
class AsAsked(Selection):
    """Every patch whose logit is above 0, and at least one."""

    def keep(self, logits: Float[Tensor, "b t"], noise: Float[Tensor, "b t"] | None = None) -> Float[Tensor, "b t"]:
        return select(logits, noise)

    def missed(self, keep: Float[Tensor, "b t"]) -> Float[Tensor, ""]:
        return (self.rate - keep.mean()).square()


@dataclass(frozen=True)
class Most(Selection):
    """The patches with the highest logits, the same number of every picture; in training about as many."""

    def keep(self, logits: Float[Tensor, "b t"], noise: Float[Tensor, "b t"] | None = None) -> Float[Tensor, "b t"]:
        if noise is not None:
            return select(logits, noise)
        highest = logits.topk(max(1, round(self.rate * logits.shape[1])), dim=1).indices
        return torch.zeros_like(logits).scatter(1, highest, 1.0)

    def missed(self, keep: Float[Tensor, "b t"]) -> Float[Tensor, ""]:
        return (self.rate - keep.mean(1)).square().mean()


SELECTIONS: dict[Number, type[Selection]] = {"content": AsAsked, "fixed": Most}
