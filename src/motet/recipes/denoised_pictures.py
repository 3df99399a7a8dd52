"""Pictures that the whole backbone denoises: what Transfusion, DiT and ACDiT share.

Each is a factorisation into blocks between two ways: in, from latents to a token, and out, from the state at that token
to what is predicted of it.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

from motet.codecs.codec import Codec
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.embed.embed import Embed
from motet.embed.project import Project
from motet.factorise.next_block import NextBlock, Noising
from motet.heads.velocity import Velocity
from motet.model import Modality
from motet.recipes.pictures import PictureRecipe


class Ways(NamedTuple):
    """The way into the backbone and out of it; channels: numbers in a token; patch: pixels along its side, by the
    settings that are ``named``."""

    codec: Codec
    embed: Embed
    head: Velocity
    channels: int
    patch: int
    named: str = "codec.patch"


@dataclass(frozen=True)
class DenoisedPictures(PictureRecipe):
    """The knobs that every recipe of this kind has."""

    codec: SigmaVaeShape = SigmaVaeShape(patch=8, channels=40, sigma=0.1)
    noising: Noising = Noising(shift=2.0)
    rows: int = field(default=28, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=144, metadata={"help": "tokens in a row"})

    @abstractmethod
    def factorisation(self, channels: int) -> NextBlock:
        """How a picture is cut into blocks, and what the text behind it sees."""

    def ways(self) -> Ways:
        """Two linear maps, unless a recipe says otherwise."""
        dim, channels = self.backbone.dim, self.codec.channels
        return Ways(SigmaVAE(self.codec), Project(channels, dim), Velocity(dim, channels), channels, self.codec.patch)

    def picture(self) -> Modality:
        ways = self.ways()
        return Modality(
            codec=ways.codec,
            embed=ways.embed,
            factorise=self.factorisation(ways.channels),
            head=ways.head,
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(ways.patch, named=ways.named),
        )
