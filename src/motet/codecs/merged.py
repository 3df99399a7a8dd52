"""Tiles of a codec's latents as one token each: what Transfusion and DiT call their patch size.

The codec's own tokens stay what they are, so one codec serves models of any number of tokens. A merged token holds the
latents of ``by`` x ``by`` neighbours in raster order, each with all its channels.
"""

import hashlib

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.codecs.picture_codec import PictureCodec, Terms
from motet.errors import ShapeError


class Merged(PictureCodec):
    """``inner`` with ``by`` x ``by`` of its tokens in one; it is trained and measured as ``inner`` is."""

    def __init__(self, inner: PictureCodec, by: int):
        super().__init__()
        self.inner = inner
        self.by = by
        self.perceptual_weight = inner.perceptual_weight

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        rows, columns = self.inner.grid_of(height, width)
        if rows % self.by or columns % self.by:
            raise ShapeError(
                f"a grid of {rows} x {columns} latents does not divide into tiles of {self.by} x {self.by}; "
                "choose another size of pictures, or another merge"
            )
        return rows // self.by, columns // self.by

    def merge(self, values: Float[Tensor, "b t w"], grid: tuple[int, int]) -> Float[Tensor, "b u v"]:
        """Tokens of ``inner`` -> merged ones; ``grid`` is the merged grid."""
        rows, columns = grid
        tiles = values.reshape(len(values), rows, self.by, columns, self.by, -1).transpose(2, 3)
        return tiles.reshape(len(values), rows * columns, -1)

    def split(self, values: Float[Tensor, "b u v"], grid: tuple[int, int]) -> Float[Tensor, "b t w"]:
        """The tokens of ``inner`` that ``merge`` makes these of."""
        rows, columns = grid
        tiles = values.reshape(len(values), rows, columns, self.by, self.by, -1).transpose(2, 3)
        return tiles.reshape(len(values), rows * columns * self.by**2, -1)

    def encode_pixels(self, pixels: Float[Tensor, "b 3 y x"]) -> Tensor:
        return self.merge(self.inner.encode_pixels(pixels), self.grid_of(pixels.shape[2], pixels.shape[3]))

    def decode_pixels(self, values: Tensor, grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        return self.inner.decode_pixels(self.split(values, grid), (grid[0] * self.by, grid[1] * self.by))

    def means(self, values: Float[Tensor, "n w"]) -> Float[Tensor, "n c"]:
        return self.inner.means(self._single(values)).reshape(len(values), -1)

    def draw(self, values: Float[Tensor, "n w"], rng: torch.Generator) -> Float[Tensor, "n c"]:
        return self.inner.draw(self._single(values), rng).reshape(len(values), -1)

    def project(self, values: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        return self.inner.project(self._single(values)).reshape(len(values), -1)

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.by} {self.inner.fingerprint()}".encode()).hexdigest()[:16]

    def _single(self, values: Tensor) -> Tensor:
        """One row for each token of ``inner``, tile by tile; for what does not ask where a token is."""
        return values.reshape(len(values) * self.by**2, -1)

    # training is the codec's own

    def start_from(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        self.inner.start_from(pixels, rng)

    def noise_for(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> Tensor:
        return self.inner.noise_for(pixels, rng)

    def loss(self, pixels: Float[Tensor, "b 3 y x"], noise: Tensor, perceptual: nn.Module | None = None) -> Terms:
        return self.inner.loss(pixels, noise, perceptual)

    def objective(self, terms: Terms) -> Float[Tensor, ""]:
        return self.inner.objective(terms)

    def autoencode(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b 3 y x"]:
        return self.inner.autoencode(pixels)

    def numbers(self, pixels: Float[Tensor, "b 3 y x"]) -> dict[str, float]:
        return self.inner.numbers(pixels)

    def usage(self, pixels: Float[Tensor, "b 3 y x"]) -> dict[str, float]:
        return self.inner.usage(pixels)

    def measure(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        self.inner.measure(pixels, rng)

    def compile_parts(self) -> None:
        self.inner.compile_parts()
