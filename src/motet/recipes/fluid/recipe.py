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
from dataclasses import dataclass, field
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
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.request import Sampling


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
        metadata={"help": "random: sets of tokens; raster: one by one, with sampling.guidance_schedule=constant"},
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
            grid=self.grid(of.patch, named="codec.patch" if self.tokens == "continuous" else "vq.patch"),
        )
