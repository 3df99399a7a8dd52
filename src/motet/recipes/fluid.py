"""Fluid: the order and the kind of a picture's tokens (Fan et al. 2024, arXiv 2410.13863).

A study of four text-to-image models that differ in two choices, here the two first knobs:

    tokens   continuous: VAE latents, drawn by a diffusion head;  discrete: codes, drawn by a softmax
    order    random: MAR's random sets, all of a picture in one block;  raster: one by one, each sees those before it

With random order and continuous tokens it is Fluid; that one is MAR without an encoder of its own. Raster order with
continuous tokens is LatentLM without doubt, raster order with codes the VQ model of LlamaGen.

The paper's transformer reads a frozen T5 through cross-attention; here the prompt is text in the same sequence, and the
model also learns to write it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from motet.codecs.codec import Codec
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.vq import VQ, VqShape
from motet.embed.blank import Blank
from motet.embed.embed import Embed
from motet.embed.lookup import Lookup
from motet.embed.project import Project
from motet.factorise.masked import Masked, Masking
from motet.factorise.next_token import NextToken
from motet.heads.categorical import Categorical
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.heads.head import Head
from motet.model import Modality
from motet.nn.backbone import TransformerShape
from motet.recipes.paper_sizes import resized
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.recipes.study import CODES, HEAD, LATENTS, LATENTS_BATCH, MASKING, SIDE, TEXT_FIRST, backbone
from motet.request import Sampling
from motet.train.settings import TrainSettings


class Kind(NamedTuple):
    """What goes with a kind of token; blank: a value that says nothing; patch: pixels along its side."""

    codec: Codec
    embed: Embed
    head: Head
    blank: Tensor
    patch: int


@dataclass(frozen=True)
class Fluid(PictureRecipe):
    """The knobs of Fluid."""

    paper: ClassVar[str] = "Fluid, arXiv 2410.13863"
    summary: ClassVar[str] = "two choices: continuous or discrete tokens, in random or in raster order"
    sizes: ClassVar[Mapping[str, Recipe]]

    tokens: Literal["continuous", "discrete"] = field(
        default="continuous", metadata={"help": "continuous: latents and a diffusion head; discrete: codes, a softmax"}
    )
    order: Literal["random", "raster"] = field(
        default="random",
        metadata={
            "help": "random: sets of tokens in random order; raster: one after the other, which wants "
            "sampling.guidance_schedule=constant"
        },
    )
    codec: SigmaVaeShape = SigmaVaeShape(patch=8, channels=48, sigma=0.1)
    head: DiffusionShape = DiffusionShape(shift=2.0)
    vq: VqShape = VqShape()
    masking: Masking = Masking()
    image_weight: float = field(default=5.0, metadata={"help": "weight of the picture's loss beside the text's"})
    rows: int = field(default=24, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=192, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=3.0, guidance_schedule="linear", rounds=16)

    def idle(self) -> tuple[str, ...]:
        """What belongs to the kind of tokens, and to the order, that is not chosen."""
        kind = ("vq.",) if self.tokens == "continuous" else ("codec.", "head.")
        return (*super().idle(), *kind, *(("masking.",) if self.order == "raster" else ()))

    def continuous(self) -> Kind:
        dim, channels = self.backbone.dim, self.codec.channels
        embed, head = Project(channels, dim), Diffusion(dim, channels, self.head)
        return Kind(SigmaVAE(self.codec), embed, head, torch.zeros(channels, device="cpu"), self.codec.patch)

    def discrete(self) -> Kind:
        dim, size = self.backbone.dim, self.vq.codebook_size
        blank = torch.tensor(0, device="cpu")
        return Kind(VQ(self.vq), Lookup(size, dim), Categorical(dim, size), blank, self.vq.patch)

    def picture(self) -> Modality:
        of = self.continuous() if self.tokens == "continuous" else self.discrete()
        in_sets = self.order == "random"
        return Modality(
            codec=of.codec,
            embed=Blank(of.embed, self.backbone.dim) if in_sets else of.embed,
            factorise=Masked(of.blank, masking=self.masking) if in_sets else NextToken(),
            head=of.head,
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(of.patch),
        )


TINY = Fluid(
    image_size=16,
    vocab_size=320,
    codec=SigmaVaeShape(patch=8, channels=8, dim=32, n_layers=1, n_heads=2, sigma=0.1),
    vq=VqShape(patch=8, codebook_size=16, code_dim=4, dim=32, n_layers=1, n_heads=2),
    backbone=TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True),
    head=DiffusionShape(width=32, n_layers=2, ffn_dim=64),
    rows=8,
    row_length=64,
    codec_batch=32,
)

STUDY = Fluid(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    vq=CODES,
    backbone=backbone(4),
    head=HEAD,
    masking=MASKING,
    text_first=TEXT_FIRST,
    rows=16,
    row_length=256,  # codes are four times as many as latents, and twice in a document
)

PAPER = Fluid(  # Fluid 1.1B: 24 blocks of width 1536, a 6-layer head, 256-pixel pictures as 16 x 16 tokens
    image_size=256,
    vocab_size=32_128,
    codec=SigmaVaeShape(patch=16, channels=16, dim=768, n_layers=12, n_heads=12, noise="learned", mean_weight=1e-6),
    vq=VqShape(patch=16, codebook_size=8192, code_dim=8, dim=768, n_layers=12, n_heads=12),
    backbone=TransformerShape(dim=1536, n_layers=24, n_heads=16, ffn_dim=4096, rope_axes=(48, 0, 24, 24), qk_norm=True),
    head=DiffusionShape(width=1536, n_layers=6, ffn_dim=1536, target="epsilon", path="cosine", start=0.001),
    rows=512,
    row_length=1280,
    training=TrainSettings(
        lr=1e-4, warmup=65_000, floor=1.0, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.02, ema=0.9999
    ),
    sampling=Sampling(
        guidance=5.0, guidance_schedule="linear", rounds=64, steps=100, solver="ancestral", temperature=0.975
    ),
)


def _of_table(dim: int, n_layers: int, n_heads: int, ffn_dim: int) -> Fluid:
    """A row of the paper's table. Without its cross-attention to T5 a quarter to a third of the parameters is missing.

    The width of the head, the backbone's, is our assumption.
    """
    head = replace(PAPER.head, width=dim, ffn_dim=dim)
    return resized(PAPER, dim=dim, n_layers=n_layers, n_heads=n_heads, ffn_dim=ffn_dim, head=head)


Fluid.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": Fluid(),
    "paper": PAPER,
    "paper-166m": _of_table(768, 12, 12, 2048),
    "paper-369m": _of_table(1024, 16, 16, 2752),
    "paper-665m": _of_table(1280, 20, 16, 3456),
    "paper-3.1b": _of_table(2304, 32, 24, 6144),
    "paper-10.5b": _of_table(4096, 34, 64, 10_944),
}
