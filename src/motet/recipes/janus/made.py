"""How Janus makes a picture: codes of a VQ tokenizer, as in the paper, or sigma-VAE latents (LatentLM, 2412.08635)."""

from dataclasses import dataclass, field
from typing import Literal

from motet.bounds import check_bounds
from motet.codecs.picture_codec import PictureCodec
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.vq import VQ, VqShape
from motet.embed.aligner import Aligned, AlignedCodes
from motet.embed.embed import Embed
from motet.embed.strangers import Strangers
from motet.heads.categorical import Categorical
from motet.heads.deepened import Deepened
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.heads.head import Head
from motet.recipes.pictures import PictureRecipe


@dataclass(frozen=True)
class Made:
    """What is drawn, how it enters and what it is drawn from; channels: of a latent, none of codes."""

    codec: PictureCodec
    embed: Embed
    head: Head
    patch: int
    channels: int | None = None


@dataclass(frozen=True)
class Making(PictureRecipe):
    """The knobs of what is drawn."""

    generation: Literal["vq", "latent"] = field(
        default="vq", metadata={"help": "vq: codes and a softmax; latent: sigma-VAE latents and a diffusion head"}
    )
    vq: VqShape = VqShape()
    codec: SigmaVaeShape = SigmaVaeShape(patch=6, channels=32, sigma=0.1)
    head: DiffusionShape = DiffusionShape(shift=2.0)

    doubt: float = field(
        default=1.0,
        metadata={"help": "most of a picture's earlier codes that training shows as another picture's (paper: 0)"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "doubt", low=0, high=1)

    def idle(self) -> tuple[str, ...]:
        """What belongs to the way of drawing that is not chosen."""
        return (*super().idle(), *(["vq."] if self.generation == "latent" else ["codec.", "head."]))

    def made(self, tokenizer: PictureCodec | None = None) -> Made:
        """Freshly initialised, with aligners of two layers. tokenizer: another than VQ that has its codes."""
        dim, size, channels = self.backbone.dim, self.vq.codebook_size, self.codec.channels
        if self.generation == "latent":
            embed, out = self.entering(Aligned(channels, dim)), Diffusion(dim, channels, self.head)
            return Made(SigmaVAE(self.codec), embed, out, self.codec.patch, channels)
        embed, deep = self.entering(AlignedCodes(size, self.vq.code_dim, dim)), Deepened(dim, Categorical(dim, size))
        return Made(tokenizer or VQ(self.vq), embed, deep, self.vq.patch)

    def entering(self, embed: Embed) -> Embed:
        return Strangers(embed) if self.doubt else embed
