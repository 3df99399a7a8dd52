"""Values that hold two encodings of a token: features by which it is read, beside its code or latent."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Halves:
    """How both halves stand in one row of values: ``features`` numbers, then a latent of ``channels``, or a code.

    channels: None for a code, which is kept as a number of its own beside the features (exact below 2^24).
    """

    features: int
    channels: int | None = None

    def has_both(self, values: Tensor) -> bool:
        """Whether these are both halves, or what a model made."""
        if self.channels is None:
            return values.ndim == 2
        return values.shape[1] != self.channels

    def read(self, values: Float[Tensor, "n w"]) -> Float[Tensor, "n c"]:
        """The features of values that have both halves."""
        return values[:, : self.features]

    def made(self, values: Tensor) -> Tensor:
        """The codes ``[n]`` or latents ``[n, c]``, whether or not they stand beside features."""
        if not self.has_both(values):
            return values
        made = values[:, self.features :]
        return made[:, 0].round().long() if self.channels is None else made

    def join(self, read: Float[Tensor, "n c"], made: Tensor) -> Float[Tensor, "n w"]:
        return torch.cat([read, made[:, None].to(read) if made.ndim == 1 else made], -1)
