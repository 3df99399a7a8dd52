"""DiT: a diffusion transformer over whole pictures (Peebles and Xie 2022, arXiv 2212.09748), the joint comparator.

Transfusion without its language model: a picture is one noised block, its prompt stands before it and is only read, and
time enters every block by adaLN-Zero. In the paper the condition is a class; here it is the text.

    loss = image_weight * mean squared error(prediction at each noised token)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.text import TextCodec
from motet.embed.project import Project
from motet.embed.timed import TimeMLP
from motet.factorise.next_block import NextBlock, Noising
from motet.heads.velocity import Velocity
from motet.model import TEXT, Modality, Model
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.condition import Conditioning
from motet.nn.modulated import Modulated
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.request import Sampling
from motet.train.settings import TrainSettings


@dataclass(frozen=True)
class DiT(PictureRecipe):
    """The knobs of DiT."""

    paper: ClassVar[str] = "DiT, arXiv 2212.09748"
    summary: ClassVar[str] = "one block a picture under adaLN-Zero, prompts are read but not learned: the comparator"
    sizes: ClassVar[Mapping[str, Recipe]]

    codec: SigmaVaeShape = SigmaVaeShape(patch=8, channels=40, sigma=0.1)
    backbone: TransformerShape = TransformerShape(ffn_dim=640, rope_axes=(32, 0, 16, 16), qk_norm=True)
    noising: Noising = Noising(shift=2.0)
    text_first: float = field(
        default=1.0, metadata={"help": "share of pairs with the text first; the rest teach nothing"}
    )
    rows: int = field(default=28, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=144, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=3.0, steps=20)

    def picture(self) -> Modality:
        dim, channels = self.backbone.dim, self.codec.channels
        return Modality(
            codec=SigmaVAE(self.codec),
            embed=Project(channels, dim),
            factorise=NextBlock(channels, self.noising),
            head=Velocity(dim, channels),
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(self.codec.patch),
        )

    def blocks(self) -> Backbone:
        shape = self.backbone
        return Backbone(
            [Modulated(block) for block in shape.blocks()],
            dim=shape.dim,
            rope=shape.rope(),
            norm_eps=shape.norm_eps,
            conditioning=Conditioning(TimeMLP(shape.dim), shape.dim),
        )

    def build(self, text: TextCodec) -> Model:
        model = super().build(text)
        model.modality(TEXT).weight = 0.0
        return model


TINY = DiT(
    image_size=16,
    vocab_size=320,
    codec=SigmaVaeShape(patch=8, channels=8, dim=32, n_layers=1, n_heads=2),
    backbone=TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True),
    rows=8,
    row_length=64,
    codec_batch=32,
)

PAPER = DiT(  # DiT-XL/2 on 256-pixel pictures: 256 tokens of 2 x 2 x 4 numbers
    image_size=256,
    vocab_size=32_000,
    codec=SigmaVaeShape(patch=16, channels=16, dim=768, n_layers=12, n_heads=12, noise="learned", sigma=0.1),
    backbone=TransformerShape(dim=1152, n_layers=28, n_heads=16, ffn_dim=3072, rope_axes=(24, 0, 24, 24)),
    noising=Noising(target="epsilon", path="cosine", start=0.001),
    rows=256,
    row_length=512,
    training=TrainSettings(lr=1e-4, warmup=0, floor=1.0, optimizer="adamw", weight_decay=0.0, ema=0.9999),
    sampling=Sampling(guidance=1.5, steps=250, solver="ancestral"),
)

DiT.sizes = {"tiny": TINY, "small": DiT(), "paper": PAPER}
