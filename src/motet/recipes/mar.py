"""MAR: masked autoregression over continuous latents (Li et al. 2024, arXiv 2406.11838).

A masked autoencoder reads text and the latents that show, and predicts a vector for each hidden one; a small diffusion
head draws the latent from that vector alone, so nothing is quantised. Its first blocks, the encoder, see no hidden
token at all; in the others, the decoder, each hidden token is one learned vector at its position. A picture appears in
rounds: a few tokens in the first, most in the last ones, in a random order.

    loss = cross-entropy(text) + image_weight * mean squared error(flow of each hidden latent, 4 draws each)

The paper draws from a class label in a prefix of 64 tokens; here the prompt is text in the same sequence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.block import Block
from motet.nn.unmasked import Unmasked
from motet.recipes.paper_sizes import resized
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.recipes.study import HEAD, LATENTS, LATENTS_BATCH, MASKING, SIDE, TEXT_FIRST, backbone
from motet.request import Sampling
from motet.train.settings import TrainSettings


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


TINY = MAR(
    image_size=16,
    vocab_size=320,
    codec=SigmaVaeShape(patch=8, channels=8, dim=32, n_layers=1, n_heads=2, sigma=0.1),
    backbone=TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True),
    head=DiffusionShape(width=32, n_layers=2, ffn_dim=64),
    encoder_layers=1,
    rows=8,
    row_length=64,
    codec_batch=32,
)

STUDY = MAR(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    backbone=backbone(4),
    head=HEAD,
    encoder_layers=2,
    masking=MASKING,
    text_first=TEXT_FIRST,
    rows=32,
    row_length=128,
)

PAPER = MAR(  # MAR-L of table 4: 16 + 16 blocks, an 8-layer head, 256-pixel pictures as 16 x 16 latents of 16 channels
    image_size=256,
    codec=SigmaVaeShape(patch=16, channels=16, dim=768, n_layers=12, n_heads=12, noise="learned", mean_weight=1e-6),
    backbone=TransformerShape(dim=1024, n_layers=32, n_heads=16, ffn_dim=2752, rope_axes=(32, 0, 16, 16), qk_norm=True),
    head=DiffusionShape(width=1280, n_layers=8, ffn_dim=853, target="epsilon", path="cosine", start=0.001),
    encoder_layers=16,
    rows=512,
    row_length=1280,
    training=TrainSettings(  # the warm-up is 100 epochs of ImageNet
        lr=8e-4,
        warmup=62_500,
        floor=1.0,
        optimizer="adamw",
        betas=(0.9, 0.95),
        weight_decay=0.02,
        clip=3.0,
        ema=0.9999,
    ),
    sampling=Sampling(guidance=3.0, guidance_schedule="linear", rounds=64, steps=100, solver="ancestral"),
)


def _of_table(dim: int, n_layers: int, n_heads: int, ffn_dim: int, head: DiffusionShape, guidance: float) -> MAR:
    """A row of the paper's table; one half of the blocks is the encoder."""
    sampling = replace(PAPER.sampling, guidance=guidance)
    half = n_layers // 2
    return resized(
        PAPER,
        dim=dim,
        n_layers=n_layers,
        n_heads=n_heads,
        ffn_dim=ffn_dim,
        encoder_layers=half,
        head=head,
        sampling=sampling,
    )


MAR.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": MAR(),
    "paper": PAPER,
    "paper-b": _of_table(768, 24, 12, 2048, replace(PAPER.head, width=1024, n_layers=6, ffn_dim=683), 2.9),
    "paper-h": _of_table(1280, 40, 16, 3456, replace(PAPER.head, width=1536, n_layers=12, ffn_dim=1024), 3.2),
}
