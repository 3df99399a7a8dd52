"""LatentLM: next-token diffusion (Sun et al. 2024, arXiv 2412.08635).

One causal transformer reads text ids and continuous latents in one sequence. At a text position a softmax picks the
next id; before a latent a small diffusion head, conditioned on that one hidden state, draws it, and it is fed back as
the next input. The latents come from a sigma-VAE, whose noise is set by hand, so that errors of the sequence do not
grow.

    loss = cross-entropy(text) + image_weight * mean squared error(flow of each latent, several draws each)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from motet.bounds import check_bounds
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.embed.embed import Embed
from motet.embed.project import Project
from motet.embed.strangers import Strangers
from motet.factorise.next_token import NextToken
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.model import Modality
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.request import Sampling


@dataclass(frozen=True)
class LatentLM(PictureRecipe):
    """The knobs of LatentLM."""

    paper: ClassVar[str] = "LatentLM, arXiv 2412.08635"
    summary: ClassVar[str] = "next-token diffusion: text by a softmax, sigma-VAE latents by a diffusion head"
    sizes: ClassVar[Mapping[str, Recipe]]

    codec: SigmaVaeShape = SigmaVaeShape(patch=12, channels=96)
    head: DiffusionShape = DiffusionShape(shift=3.0, draws=2)
    image_weight: float = field(default=5.0, metadata={"help": "weight of the latents' loss beside the text's"})
    doubt: float = field(
        default=1.0,
        metadata={"help": "most of a picture's earlier latents that training shows as another picture's (paper: 0)"},
    )
    sampling: Sampling = Sampling(guidance=2.0, temperature=0.5)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "doubt", low=0, high=1)

    def picture(self) -> Modality:
        dim, channels = self.backbone.dim, self.codec.channels
        latents = Project(channels, dim)
        embed: Embed = Strangers(latents) if self.doubt else latents
        return Modality(
            codec=SigmaVAE(self.codec),
            embed=embed,
            factorise=NextToken(doubt=self.doubt),
            head=Diffusion(dim, channels, self.head),
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(self.codec.patch),
        )
