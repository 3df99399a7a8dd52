"""What a codec of pictures offers to the stage that trains it."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from motet.codecs.codec import Codec
from motet.codecs.pixels import to_picture, to_tensor
from motet.types import Raw

AT_ONCE = 256
"""Pictures that pass a codec together, at most."""
PIXELS_AT_ONCE = 1 << 20
"""Pixels that are encoded together, at most, if they are more than one picture's."""

Terms = dict[str, Float[Tensor, ""]]
"""The named scalars of a loss."""


class PictureCodec(Codec):
    """Pictures <-> values of tokens in a grid, trained by itself on pixels in -1 to 1.

    Training asks for ``start_from`` once, then for each batch for ``noise_for``, ``loss`` and ``objective``, and at the
    end, with the averaged weights in place, for ``measure``.
    """

    perceptual_weight: float
    """Weight of a perceptual distance in ``objective``; 0: ``loss`` is given none."""

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    # training

    @abstractmethod
    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens of a picture. Raises ShapeError if the codec makes no tokens of it."""

    @abstractmethod
    def start_from(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        """Puts weights and statistics where training starts from, by a sample of training pictures."""

    @abstractmethod
    def noise_for(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> Tensor:
        """All that is random in the ``loss`` of these pictures, so that a batch can be replayed."""

    @abstractmethod
    def loss(self, pixels: Float[Tensor, "b 3 y x"], noise: Tensor, perceptual: nn.Module | None = None) -> Terms:
        """Named terms; ``objective`` weighs them. ``perceptual(made, true)`` is a distance."""

    @abstractmethod
    def objective(self, terms: Terms) -> Float[Tensor, ""]:
        """The weighted sum of the terms of ``loss`` that is minimised."""

    @abstractmethod
    def autoencode(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b 3 y x"]:
        """Pictures encoded and decoded again, without what is random in training."""

    def numbers(self, pixels: Float[Tensor, "b 3 y x"]) -> dict[str, float]:
        """What else there is to tell of how these pictures are encoded, by name."""
        return {}

    def usage(self, pixels: Float[Tensor, "b 3 y x"]) -> dict[str, float]:
        """How many of its codes these pictures use, of a codec that has codes; a few pictures cannot use all."""
        return {}

    def measure(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        """Sets the statistics that a trained codec has of its values, if it has any, by training pictures."""
        return None

    @abstractmethod
    def compile_parts(self) -> None:
        """Switch the hot parts to `torch.compile`, in place."""

    # the codec's two directions

    @abstractmethod
    def encode_pixels(self, pixels: Float[Tensor, "b 3 y x"]) -> Tensor:
        """What ``encode`` makes of each picture, stacked."""

    @abstractmethod
    def decode_pixels(self, values: Tensor, grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        """Pixels of stacked values."""

    def encode(self, raw: Raw) -> tuple[Tensor, tuple[int, ...]]:
        return self.encode_many([raw])[0]

    def encode_many(self, raws: list[Raw]) -> list[tuple[Tensor, tuple[int, ...]]]:
        pairs: list[tuple[Tensor, tuple[int, ...]]] = []
        for pixels in parts_of(raws):
            grid = self.grid_of(pixels.shape[2], pixels.shape[3])
            pairs += [(values, grid) for values in self.encode_pixels(pixels.to(self.device)).cpu()]
        return pairs

    def decode(self, values: Tensor, grid: tuple[int, ...]) -> Image.Image:
        rows, columns = grid
        return to_picture(self.decode_pixels(values[None].to(self.device), (rows, columns))[0].cpu())

    def decode_many(self, values: list[Tensor], grid: tuple[int, ...]) -> list[Raw]:
        rows, columns = grid
        made: list[Raw] = []
        for start in range(0, len(values), AT_ONCE):
            batch = torch.stack(values[start : start + AT_ONCE]).to(self.device)
            made += [to_picture(pixels) for pixels in self.decode_pixels(batch, (rows, columns)).cpu()]
        return made


def in_parts(pixels: Float[Tensor, "b 3 y x"]) -> tuple[Tensor, ...]:
    """Runs of pictures, few enough to be encoded together however large they are."""
    return pixels.split(max(1, min(AT_ONCE, PIXELS_AT_ONCE // (pixels.shape[2] * pixels.shape[3]))))


def parts_of(raws: list[Raw]) -> tuple[Tensor, ...]:
    """Pixels of pictures in their order, in parts if all have one size, else picture by picture."""
    pictures = [to_tensor(raw) for raw in raws]
    alike = len({picture.shape for picture in pictures}) == 1
    return in_parts(torch.stack(pictures)) if alike else tuple(picture[None] for picture in pictures)


def distances(made: Float[Tensor, "b 3 y x"], true: Float[Tensor, "b 3 y x"], perceptual: nn.Module | None) -> Terms:
    """How far pictures are from what they should be: l1, mse, multiscale (L1 at a half and a quarter), perceptual."""
    terms = {"l1": (made - true).abs().mean(), "mse": (made - true).square().mean()}
    coarse = true.new_zeros(())
    small_made, small_true = made, true
    for _ in range(2):
        small_made, small_true = avg_pool2d(small_made, 2), avg_pool2d(small_true, 2)
        coarse = coarse + (small_made - small_true).abs().mean()
    terms["multiscale"] = coarse
    if perceptual is not None:
        terms["perceptual"] = perceptual(made, true)
    return terms
