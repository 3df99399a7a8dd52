"""Two codecs for one kind of picture: features of those that are read, codes or latents of those that are made.

Janus (arXiv 2410.13848, section 3.1): what a picture shows and what its pixels are ask for different encodings. Which
of the two a document needs is known only when its order is drawn, so ``encode`` gives both, side by side, for the same
patches; ``factorise.given`` takes the half that a document asks for. What a model draws has the made half alone.
"""

import torch
from torch import Tensor

from motet.codecs.codec import Codec
from motet.codecs.features import Features
from motet.codecs.halves import Halves
from motet.codecs.picture_codec import PictureCodec
from motet.errors import ConfigError
from motet.types import Raw


class Decoupled(Codec):
    """Pictures -> features beside codes or latents; codes or latents -> pictures.

    Raises ConfigError if the two codecs cut pictures into other patches.
    """

    def __init__(self, given: Features, made: PictureCodec, halves: Halves, *, side: int):
        super().__init__()
        if given.grid_of(side, side) != made.grid_of(side, side):
            raise ConfigError(
                f"pictures of {side} pixels are read as {given.grid_of(side, side)} tokens and made as "
                f"{made.grid_of(side, side)}; give both codecs the same patch"
            )
        self.given = given
        self.drawn = made
        self.halves = halves

    def grid_of(self, height: int, width: int) -> tuple[int, ...]:
        return self.drawn.grid_of(height, width)

    def encode(self, raw: Raw) -> tuple[Tensor, tuple[int, ...]]:
        return self.encode_many([raw])[0]

    def encode_many(self, raws: list[Raw]) -> list[tuple[Tensor, tuple[int, ...]]]:
        pairs = zip(self.given.encode_many(raws), self.drawn.encode_many(raws), strict=True)
        return [(self.halves.join(read, made), grid) for (read, grid), (made, _) in pairs]

    def decode(self, values: Tensor, grid: tuple[int, ...]) -> Raw:
        return self.drawn.decode(self.halves.made(values), grid)

    def decode_many(self, values: list[Tensor], grid: tuple[int, ...]) -> list[Raw]:
        return self.drawn.decode_many([self.halves.made(one) for one in values], grid)

    def draw(self, values: Tensor, rng: torch.Generator) -> Tensor:
        made = self.drawn.draw(self.halves.made(values), rng)
        return self.halves.join(self.halves.read(values), made) if self.halves.has_both(values) else made

    def means(self, values: Tensor) -> Tensor:
        made = self.drawn.means(self.halves.made(values))
        return self.halves.join(self.halves.read(values), made) if self.halves.has_both(values) else made

    def project(self, values: Tensor) -> Tensor:
        return self.drawn.project(values)  # a model draws the made half alone

    def fingerprint(self) -> str:
        return f"{self.given.fingerprint()}{self.drawn.fingerprint()}"
