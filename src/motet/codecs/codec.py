"""What every codec can do."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from motet.errors import ShapeError
from motet.types import Raw


class Codec(nn.Module, ABC):
    """Raw data of one modality <-> values of its tokens."""

    @abstractmethod
    def encode(self, raw: Raw) -> tuple[Tensor, tuple[int, ...]]:
        """Values and grid of one raw piece; for a stochastic codec, its means."""

    @abstractmethod
    def decode(self, values: Tensor, grid: tuple[int, ...]) -> Raw:
        """The raw piece of these values; always the same one."""

    def grid_of(self, height: int, width: int) -> tuple[int, ...]:
        """Grid of a raw piece of this size. Raises ShapeError if the codec makes no piece of it."""
        raise ShapeError(f"{type(self).__name__} makes nothing of {height}x{width} pixels; only codecs of pictures do")

    def drawn_grid_of(self, height: int, width: int) -> tuple[int, ...]:
        """``grid_of`` for a piece that a model draws. Raises ShapeError for a size that the codec reads at most."""
        return self.grid_of(height, width)

    def encode_many(self, raws: list[Raw]) -> list[tuple[Tensor, tuple[int, ...]]]:
        """``encode`` of each, for a codec that is faster in batches."""
        return [self.encode(raw) for raw in raws]

    def decode_many(self, values: list[Tensor], grid: tuple[int, ...]) -> list[Raw]:
        """``decode`` of each, all of one grid, for a codec that is faster in batches."""
        return [self.decode(one, grid) for one in values]

    def render(self, values: list[Tensor], grid: tuple[int, ...], rngs: Sequence[torch.Generator]) -> list[Raw]:
        """Raw pieces of generated values, all of one grid: where many have the same values, ``rngs`` choose, one each.

        Most codecs leave no choice, and decode.
        """
        return self.decode_many(values, grid)

    def draw(self, values: Tensor, rng: torch.Generator) -> Tensor:
        """One sample of the encoding whose means are ``values``; both the input and the target of training."""
        return values

    def means(self, values: Tensor) -> Tensor:
        """The likeliest encoding of what ``encode`` returned: what a prompt is read as."""
        return values

    def project(self, values: Tensor) -> Tensor:
        """What a model has drawn, moved to where ``draw`` puts values, if that is not everywhere; row by row."""
        return values

    def fingerprint(self) -> str:
        """A hash of all weights and statistics: what cached encodings are keyed by."""
        digest = hashlib.sha256(type(self).__name__.encode())
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]
