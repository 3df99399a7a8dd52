"""A pyramid of features, coarse to fine (PUMA, arXiv 2410.13861, section 3.2): the codec of PUMA and of Emu.

The grid of features is average-pooled by each of ``factors``; the scales stand behind each other, the coarsest first,
each in raster order. Factors (8, 4, 2, 1) of a grid of 8x8 make 1 + 4 + 16 + 64 tokens. Pooling twice by 2 is pooling
once by 4, so the scales are nested: each is a summary of the next. Emu (2307.05222) has one scale: ``factors=(2,)``.

A picture is drawn by a ``FeatureDecoder`` from the finest scale that is there. Values may end after any scale: from one
token it draws one of many pictures, from all of them nearly the picture that was encoded.
"""

import hashlib
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from motet.codecs.codec import Codec
from motet.codecs.feature_decoder import FeatureDecoder
from motet.codecs.features import Features
from motet.codecs.picture_codec import AT_ONCE
from motet.codecs.pixels import to_picture
from motet.codecs.scales import Scales
from motet.errors import CapabilityError, ConfigError
from motet.types import Raw


class Pyramid(Codec):
    """Pictures -> features of every scale. Their ``grid`` is that of the features before pooling.

    Raises ConfigError if a factor is not a proper multiple of the next, or if the decoder is of other scales.
    """

    def __init__(self, features: Features, factors: Sequence[int], *, decoder: FeatureDecoder | None = None):
        super().__init__()
        self.scales = Scales(tuple(factors))
        if decoder is not None and decoder.factors != self.scales.factors:
            raise ConfigError(f"the decoder draws scales {decoder.factors}, but the pyramid has {self.scales.factors}")
        self.features = features
        self.decoder = decoder

    # scales

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """The features' grid; raises ShapeError if a patch does not divide the picture, or a factor the grid."""
        grid = self.features.grid_of(height, width)
        self.scales.sizes(grid)
        return grid

    def join(self, finest: Float[Tensor, "*b t c"], grid: tuple[int, ...]) -> Float[Tensor, "*b n c"]:
        """Every scale of the features ``finest``, coarse to fine."""
        self.scales.sizes(grid)
        return torch.cat([pooled(finest, grid, factor) for factor in self.scales.factors], -2)

    def split(self, values: Float[Tensor, "*b n c"], grid: tuple[int, ...]) -> list[Tensor]:
        """The scales that ``join`` put together, each ``[*b n c]``; of values that end early, those that are there.

        Raises ShapeError for a number of tokens that ends within a scale.
        """
        return list(values.split(self.scales.held(values.shape[-2], grid), -2))

    # the codec's two directions

    def encode_pixels(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b n c"]:
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        return self.join(self.features.encode_pixels(pixels), grid)

    def encode(self, raw: Raw) -> tuple[Float[Tensor, "n c"], tuple[int, ...]]:
        return self.encode_many([raw])[0]

    def encode_many(self, raws: list[Raw]) -> list[tuple[Tensor, tuple[int, ...]]]:
        return [(self.join(values, grid), grid) for values, grid in self.features.encode_many(raws)]

    @torch.no_grad()
    def paint(
        self, values: Float[Tensor, "b n c"], grid: tuple[int, int], noise: Float[Tensor, "b s 3 y x"], *, scale: int
    ) -> Float[Tensor, "b 3 y x"]:
        """Pictures drawn from one scale of ``values`` out of ``noise`` (see ``FeatureDecoder.noise``), in -1 to 1.

        Raises CapabilityError without a decoder.
        """
        decoder = self._drawing()
        return decoder.sample(self.split(values, grid)[scale], noise, grid, scale=scale, null=self.null(grid, scale))

    def null(self, grid: tuple[int, int], scale: int) -> Float[Tensor, "n c"]:
        """The unconditional branch's features: those of a black picture, as PUMA has them."""
        p = self.features.shape.patch
        black = torch.full((1, 3, grid[0] * p, grid[1] * p), -1.0, device=self.features.bias.device)
        return self.split(self.encode_pixels(black), grid)[scale][0]

    def decode(self, values: Float[Tensor, "n c"], grid: tuple[int, ...]) -> Raw:
        """One picture of these features, always out of the same noise; ``render`` draws others."""
        return self.decode_many([values], grid)[0]

    def decode_many(self, values: list[Tensor], grid: tuple[int, ...]) -> list[Raw]:
        return self.render(values, grid, [torch.Generator().manual_seed(0) for _ in values])

    def render(self, values: list[Tensor], grid: tuple[int, ...], rngs: Sequence[torch.Generator]) -> list[Raw]:
        """Pictures from the finest scale that each has, each out of noise from its own generator."""
        self.scales.sizes(grid)
        rows, columns = grid
        decoder = self._drawing()
        made: dict[int, Raw] = {}
        noise = [decoder.noise(1, (rows, columns), rng) for rng in rngs]
        held = [len(self.scales.held(len(one), grid)) for one in values]
        for scale in set(held):
            alike = [i for i, number in enumerate(held) if number == scale]
            for start in range(0, len(alike), AT_ONCE):
                some = alike[start : start + AT_ONCE]
                batch = torch.stack([values[i] for i in some]).to(self.features.bias.device)
                pixels = self.paint(batch, (rows, columns), torch.cat([noise[i] for i in some]), scale=scale - 1)
                made |= {i: to_picture(picture) for i, picture in zip(some, pixels.cpu(), strict=True)}
        return [made[i] for i in range(len(values))]

    def fingerprint(self) -> str:
        """Of what encodes: the decoder may go on learning."""
        return hashlib.sha256(f"{self.scales.factors} {self.features.fingerprint()}".encode()).hexdigest()[:16]

    def _drawing(self) -> FeatureDecoder:
        if self.decoder is None:
            raise CapabilityError("this pyramid has no decoder, so its features cannot be drawn; give it one")
        return self.decoder


def pooled(values: Float[Tensor, "*b t c"], grid: tuple[int, ...], factor: int) -> Float[Tensor, "*b n c"]:
    """The means of squares of ``factor x factor`` tokens of a grid, in raster order."""
    rows, columns = grid
    squares = values.unflatten(-2, (rows // factor, factor, columns // factor, factor))
    return squares.mean((-4, -2)).flatten(-3, -2)
