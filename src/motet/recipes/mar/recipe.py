"""MAR: masked autoregression over continuous latents (Li et al. 2024, arXiv 2406.11838).

A masked autoencoder reads text and the latents that show, and predicts a vector for each hidden one; a small diffusion
head draws the latent from that vector alone, so nothing is quantised. Its first blocks, the encoder, see no hidden
token at all; in the others, the decoder, each hidden token is one learned vector at its position. A picture appears in
rounds: a few tokens in the first, most in the last ones, in a random order.

    loss = cross-entropy(text) + image_weight * mean squared error(flow of each hidden latent, 4 draws each)

The paper draws from a class label in a prefix of 64 tokens; here the prompt is text in the same sequence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.text import TextCodec
from motet.embed.blank import Blank
from motet.embed.project import Project
from motet.errors import ConfigError
from motet.factorise.masked import Masked, Masking
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.model import Modality
from motet.nn.backbone import Backbone
from motet.nn.block import Block
from motet.nn.unmasked import Unmasked
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.request import Sampling


@dataclass(frozen=True)
class MAR(PictureRecipe):
    """The knobs of MAR."""

    paper: ClassVar[str] = "MAR, arXiv 2406.11838"
    summary: ClassVar[str] = "random sets of hidden latents by a diffusion head; an encoder that sees no hidden token"
    sizes: ClassVar[Mapping[str, Recipe]]

    codec: SigmaVaeShape = SigmaVaeShape(patch=8, channels=48, sigma=0.1)
    head: DiffusionShape = DiffusionShape(shift=2.0)
    encoder_layers: int = field(
        default=3, metadata={"help": "blocks that see no hidden token; the other blocks are the decoder; 0: none"}
    )
    masking: Masking = Masking()
    image_weight: float = field(default=5.0, metadata={"help": "weight of the latents' loss beside the text's"})
    rows: int = field(default=24, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=192, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=3.0, guidance_schedule="linear", rounds=16)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.encoder_layers < self.backbone.n_layers:
            raise ConfigError(
                f"encoder_layers is {self.encoder_layers} of backbone.n_layers={self.backbone.n_layers}; hidden tokens "
                "need at least one block of a decoder"
            )

    def picture(self) -> Modality:
        dim, channels = self.backbone.dim, self.codec.channels
        return Modality(
            codec=SigmaVAE(self.codec),
            embed=Blank(Project(channels, dim), dim),
            factorise=Masked(torch.zeros(channels, device="cpu"), masking=self.masking),
            head=Diffusion(dim, channels, self.head),
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(self.codec.patch),
        )

    def blocks(self, text: TextCodec) -> Backbone:
        shape, blocks = self.backbone, self.backbone.blocks()
        encoder, decoder = blocks[: self.encoder_layers], blocks[self.encoder_layers :]
        stack: list[Block] = [Unmasked(encoder), *decoder] if encoder else [*decoder]
        return Backbone(stack, dim=shape.dim, rope=shape.rope(), norm_eps=shape.norm_eps, attention=shape.attention)
