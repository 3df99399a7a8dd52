"""ACDiT: blockwise autoregression, diffusion inside each block (Hu et al. 2024, arXiv 2412.07720).

A picture is cut into blocks. Block i is denoised jointly, given the clean blocks before it, so one block is DiT and a
block of one token is a next-token model with the whole backbone as its head. Training shows each block twice: noised,
for the prediction, and clean, for what comes behind. Time modulates noised tokens only, so clean keys and values are
computed once.

    loss = cross-entropy(text) + image_weight * mean squared error(prediction at each noised token)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.embed.project import Project
from motet.embed.timed import TimeMLP
from motet.factorise.next_block import NextBlock, Noising
from motet.heads.velocity import Velocity
from motet.model import Modality
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.condition import Conditioning
from motet.nn.modulated import Modulated
from motet.nn.rope import MixedRope
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.request import Sampling
from motet.train.settings import TrainSettings


@dataclass(frozen=True)
class ACDiT(PictureRecipe):
    """The knobs of ACDiT."""

    paper: ClassVar[str] = "ACDiT, arXiv 2412.07720"
    summary: ClassVar[str] = "pictures block by block, each block denoised given clean ones: between LatentLM and DiT"
    sizes: ClassVar[Mapping[str, Recipe]]

    codec: SigmaVaeShape = SigmaVaeShape(patch=8, channels=40, sigma=0.1)
    backbone: TransformerShape = TransformerShape(ffn_dim=640, rope_axes=(32, 0, 16, 16), qk_norm=True)
    block: int | None = field(default=9, metadata={"help": "tokens of a block; none: the whole picture"})
    rope: Literal["axial", "mixed"] = field(
        default="axial", metadata={"help": "axial: each axis turns its own pairs; mixed: as the published code does"}
    )
    noising: Noising = Noising(shift=2.0)
    image_weight: float = field(default=5.0, metadata={"help": "weight of the pictures' loss beside the text's"})
    rows: int = field(default=28, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=144, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=2.0, steps=10)

    def picture(self) -> Modality:
        dim, channels = self.backbone.dim, self.codec.channels
        return Modality(
            codec=SigmaVAE(self.codec),
            embed=Project(channels, dim),
            factorise=NextBlock(channels, self.noising, size=self.block, clean_copy=True),
            head=Velocity(dim, channels),
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(self.codec.patch),
        )

    def blocks(self) -> Backbone:
        shape = self.backbone
        mixed = MixedRope(shape.channels_per_head, theta=shape.rope_theta, axes=shape.rope_axes)
        return Backbone(
            [Modulated(block) for block in shape.blocks()],
            dim=shape.dim,
            rope=mixed if self.rope == "mixed" else shape.rope(),
            norm_eps=shape.norm_eps,
            conditioning=Conditioning(TimeMLP(shape.dim), shape.dim),
        )


TINY = ACDiT(
    image_size=16,
    vocab_size=320,
    codec=SigmaVaeShape(patch=8, channels=8, dim=32, n_layers=1, n_heads=2),
    backbone=TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True),
    block=2,
    rows=8,
    row_length=64,
    codec_batch=32,
)

PAPER = ACDiT(  # ACDiT-XL on 256-pixel pictures: 32 x 32 latents of 4 channels in four blocks
    image_size=256,
    vocab_size=32_000,
    codec=SigmaVaeShape(patch=8, channels=4, dim=768, n_layers=12, n_heads=12, noise="learned", sigma=0.1),
    backbone=TransformerShape(
        dim=1152, n_layers=28, n_heads=18, ffn_dim=3072, rope_theta=100.0, rope_axes=(32, 0, 16, 16), qk_norm=True
    ),
    block=256,
    noising=Noising(target="epsilon", path="cosine", start=0.05),
    rows=1024,
    row_length=2304,
    training=TrainSettings(
        lr=3e-4, warmup=0, schedule="wsd", cooldown=0.15, floor=0.0, optimizer="adamw", weight_decay=0.0, ema=0.9999
    ),
    sampling=Sampling(guidance=1.5, steps=25),
)

ACDiT.sizes = {"tiny": TINY, "small": ACDiT(), "paper": PAPER}
