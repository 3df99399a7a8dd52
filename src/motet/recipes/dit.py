"""DiT: a diffusion transformer over whole pictures (Peebles and Xie 2022, arXiv 2212.09748), the joint comparator.

Transfusion without its language model: a picture is one noised block, and time enters every block by adaLN-Zero. The
condition is the text before it, which is only read; or, as in the paper, a class, which enters beside the time.

    loss = image_weight * mean squared error(prediction at each noised token)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.codecs.text import TextCodec
from motet.factorise.next_block import NextBlock, Noising
from motet.nn.backbone import Backbone, TransformerShape
from motet.recipes.denoised_pictures import DenoisedPictures
from motet.recipes.modulated import CONDITION, Condition, modulated
from motet.recipes.paper_sizes import resized
from motet.recipes.recipe import Recipe
from motet.recipes.study import LATENTS, LATENTS_BATCH, SIDE, backbone
from motet.recipes.tiny import TINY_BATCH, TINY_LATENTS, tiny
from motet.request import Sampling
from motet.train.settings import TrainSettings


@dataclass(frozen=True)
class DiT(DenoisedPictures):
    """The knobs of DiT."""

    paper: ClassVar[str] = "DiT, arXiv 2212.09748"
    summary: ClassVar[str] = "one block a picture under adaLN-Zero, prompts are read but not learned: the comparator"
    sizes: ClassVar[Mapping[str, Recipe]]
    text_weight: ClassVar[float] = 0.0

    backbone: TransformerShape = TransformerShape(ffn_dim=640, rope_axes=(32, 0, 16, 16), qk_norm=True)
    condition: Condition = field(default="text", metadata=CONDITION)
    text_first: float = field(
        default=1.0, metadata={"help": "share of pairs with the text first; the rest teach nothing"}
    )
    sampling: Sampling = Sampling(guidance=3.0, steps=20)

    def factorisation(self, channels: int) -> NextBlock:
        return NextBlock(channels, self.noising)

    def blocks(self, text: TextCodec) -> Backbone:
        return modulated(self.backbone, text, condition=self.condition)


TINY = tiny(
    DiT(
        codec=TINY_LATENTS,
        codec_batch=TINY_BATCH,
    )
)

STUDY = DiT(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    backbone=backbone(4),
    noising=Noising(shift=2.0, draws=4),
    rows=32,
    row_length=128,
)

PAPER = DiT(  # DiT-XL/2 on 256-pixel pictures: 256 tokens of 2 x 2 x 4 numbers
    image_size=256,
    vocab_size=32_000,
    codec=SigmaVaeShape(patch=16, channels=16, dim=768, n_layers=12, n_heads=12, noise="learned", sigma=0.1),
    backbone=TransformerShape(dim=1152, n_layers=28, n_heads=16, ffn_dim=3072, rope_axes=(24, 0, 24, 24)),
    condition="class",
    noising=Noising(target="epsilon", path="cosine", start=0.001),
    rows=256,
    row_length=512,
    training=TrainSettings(lr=1e-4, warmup=0, floor=1.0, optimizer="adamw", weight_decay=0.0, ema=0.9999),
    sampling=Sampling(guidance=1.5, steps=250, solver="ancestral"),
)

DiT.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": DiT(),
    "paper": PAPER,
    "paper-s": resized(PAPER, dim=384, n_layers=12, n_heads=6, ffn_dim=1024),
    "paper-b": resized(PAPER, dim=768, n_layers=12, n_heads=12, ffn_dim=2048),
    "paper-l": resized(PAPER, dim=1024, n_layers=24, n_heads=16, ffn_dim=2688),
}
