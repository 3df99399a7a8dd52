"""What the loop trains: an `Objective`, the one thing that a stage of a recipe has to supply.

The loop asks for the batch at a cursor, for its losses, and now and then for held-out numbers and a picture. Whatever
is random in a batch or in its loss is drawn from a generator seeded by (seed, cursor), so a batch is replayed by its
cursor alone; that is why a resumed run equals an uninterrupted one, and why a failed batch can be looked at again.
"""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Losses:
    """What a batch costs."""

    total: Tensor  # scalar to differentiate
    parts: dict[str, Tensor]  # named scalars, detached: "text", "image", "l1"
    tokens: int  # tokens in the batch, for tokens/s


class Objective(ABC):
    """What one stage of a recipe optimises.

    Attributes:
        module: its parameters that require grad when `train` is called are trained; all of its state is saved.
    """

    module: nn.Module

    @abstractmethod
    def batch(self, cursor: int) -> tuple[Any, int]:
        """The batch at `cursor`, always the same one, and the cursor of the next. The first cursor is 0."""

    @abstractmethod
    def losses(self, batch: Any) -> Losses:
        """What `batch` costs; called under autocast. Its randomness comes with the batch."""

    def compile(self) -> None:
        """Switch the hot parts to `torch.compile`, in place (`part.compile()`), so that parameters keep their names.

        An objective that has no hot parts leaves this as it is: nothing.
        """
        return None

    def flops_per_token(self) -> float:
        """Training FLOPs (forward and backward) per token, for the model-FLOPs utilisation.

        By default 6 per trained parameter (Kaplan et al. 2020, arXiv:2001.08361, section 2.1); attention is left out.
        """
        return 6.0 * sum(p.numel() for p in self.module.parameters() if p.requires_grad)

    def evaluate(self) -> dict[str, float]:
        """Held-out numbers by name. Called with the averaged weights in place, in eval mode, without gradients."""
        return {}

    def preview(self, path: Path) -> None:
        """Write a grid of samples to `path` as a PNG, or nothing. Called as `evaluate` is."""
        return None


def mix(seed: int, number: int) -> int:
    """A 32-bit hash of two integers, to seed a generator with.

    Torch's CPU generator keeps 32 bits of a seed: seeds that differ only above them would give one and the same stream.
    """
    return int.from_bytes(hashlib.blake2b(f"{seed} {number}".encode(), digest_size=4).digest(), "little")
