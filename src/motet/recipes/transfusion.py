"""Transfusion: one transformer for text and joint diffusion of pictures (Zhou et al. 2024, arXiv 2408.11039).

Text is predicted token by token under a causal mask. A picture is one block with full attention inside; it is noised at
one time, and the states at its own tokens predict what was noised. So every denoising step is a pass of the whole
backbone, and there is no head but a linear map. When a picture is done it is placed again, clean, and text goes on. A
picture that comes before its text is only read, or learned too, under little enough noise that the text can be learned
from it.

    loss = cross-entropy(text) + image_weight * mean squared error(prediction at each noised token)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

from motet.bounds import check_bounds
from motet.codecs.merged import Merged
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.data.orders import Ordering, described
from motet.embed.convolve import Convolve
from motet.embed.embed import Embed
from motet.embed.project import Project
from motet.embed.timed import FinishedAtOne, Timed
from motet.factorise.next_block import NextBlock, Noising
from motet.heads.velocity import Velocity
from motet.nn.backbone import TransformerShape
from motet.nn.tile import TileDown, TileUp
from motet.recipes.denoised_pictures import DenoisedPictures, Ways
from motet.recipes.paper_sizes import resized
from motet.recipes.recipe import Recipe
from motet.recipes.study import LATENTS, LATENTS_BATCH, SIDE, TEXT_FIRST, backbone
from motet.request import Sampling
from motet.train.settings import TrainSettings


@dataclass(frozen=True)
class Transfusion(DenoisedPictures):
    """The knobs of Transfusion."""

    paper: ClassVar[str] = "Transfusion, arXiv 2408.11039"
    summary: ClassVar[str] = "text token by token, each picture as one block that the whole backbone denoises"
    sizes: ClassVar[Mapping[str, Recipe]]

    backbone: TransformerShape = TransformerShape(n_layers=8, rope_axes=(32, 0, 16, 16), qk_norm=True)
    merge: int = field(default=1, metadata={"help": "latents along a side of a token's tile (the paper's patch size)"})
    ends: Literal["linear", "unet"] = field(
        default="linear", metadata={"help": "from a token's latents to the model's width and back"}
    )
    noise_cap: float = field(
        default=0.0,
        metadata={
            "help": "most noise on a picture before its text, 1: any (paper: 0.5); 0: it is clean, and only read"
        },
    )
    image_weight: float = field(
        default=5.0, metadata={"help": "lambda: weight of the pictures' loss beside the text's"}
    )
    sampling: Sampling = Sampling(guidance=3.0, steps=20)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "merge", low=1)
        check_bounds(self, "noise_cap", low=0, high=1)

    def ways(self) -> Ways:
        dim, channels = self.backbone.dim, self.codec.channels
        values = channels * self.merge**2
        codec = SigmaVAE(self.codec)
        embed: Embed
        if self.ends == "linear":
            embed, head = Project(values, dim), Velocity(dim, values)
        else:
            embed = Convolve(TileDown(channels, dim, self.merge, width=dim // 2))
            head = Velocity(dim, values, out=TileUp(dim, channels, self.merge, width=dim // 2))
        return Ways(
            codec if self.merge == 1 else Merged(codec, self.merge),
            FinishedAtOne(Timed(embed, dim)) if self.noise_cap else Timed(embed, dim),
            head,
            values,
            self.codec.patch * self.merge,
        )

    def factorisation(self, channels: int) -> NextBlock:
        return NextBlock(channels, self.noising)

    def describing(self) -> Ordering:
        return partial(described, noise=self.noise_cap)


TINY = Transfusion(
    image_size=16,
    vocab_size=320,
    codec=SigmaVaeShape(patch=8, channels=8, dim=32, n_layers=1, n_heads=2),
    backbone=TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True),
    rows=8,
    row_length=64,
    codec_batch=32,
)

STUDY = Transfusion(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    backbone=backbone(6),
    noising=Noising(draws=4),
    text_first=TEXT_FIRST,
    rows=32,
    row_length=128,
    sampling=Sampling(guidance=2.0, steps=20),
)

PAPER = Transfusion(  # the 7B model; 256-pixel pictures, 256 tokens of 2 x 2 x 8 numbers, DDPM's epsilon and 250 steps
    image_size=256,
    vocab_size=32_000,
    codec=SigmaVaeShape(patch=8, channels=8, dim=768, n_layers=12, n_heads=12, noise="learned", sigma=0.1),
    merge=2,
    backbone=TransformerShape(dim=4096, n_layers=32, n_heads=32, ffn_dim=11008),
    noising=Noising(target="epsilon", path="cosine", start=0.001),
    noise_cap=0.5,
    text_first=0.8,
    rows=512,
    row_length=4096,
    training=TrainSettings(lr=3e-4, warmup=4000, floor=0.05, optimizer="adamw", weight_decay=0.1),
    sampling=Sampling(guidance=5.0, steps=250, solver="ancestral"),
)

Transfusion.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": Transfusion(),
    "paper": PAPER,
    "paper-0.16b": resized(PAPER, dim=768, n_layers=16, n_heads=12, ffn_dim=2048),
    "paper-0.37b": resized(PAPER, dim=1024, n_layers=24, n_heads=16, ffn_dim=2816),
    "paper-0.76b": resized(PAPER, dim=1536, n_layers=24, n_heads=24, ffn_dim=4096),
    "paper-1.4b": resized(PAPER, dim=2048, n_layers=24, n_heads=16, ffn_dim=5632),
}
