"""LatentLM: next-token diffusion (Sun et al. 2024, arXiv 2412.08635).

One causal transformer reads text ids and continuous latents in one sequence. At a text position a softmax picks the
next id; before a latent a small diffusion head, conditioned on that one hidden state, draws it, and it is fed back as
the next input. The latents come from a sigma-VAE, whose noise is set by hand, so that errors of the sequence do not
grow.

    loss = cross-entropy(text) + image_weight * mean squared error(flow of each latent, several draws each)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from motet.bounds import check_bounds
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.embed.embed import Embed
from motet.embed.project import Project
from motet.embed.strangers import Strangers
from motet.factorise.next_token import NextToken
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.model import Modality
from motet.nn.backbone import TransformerShape
from motet.recipes.paper_sizes import resized
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.recipes.study import HEAD, LATENTS, LATENTS_BATCH, SIDE, TEXT_FIRST, backbone
from motet.request import Sampling
from motet.train.settings import TrainSettings


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


TINY = LatentLM(
    image_size=16,
    vocab_size=320,
    codec=SigmaVaeShape(patch=8, channels=8, dim=32, n_layers=1, n_heads=2),
    backbone=TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True),
    head=DiffusionShape(width=32, n_layers=2, ffn_dim=64),
    doubt=0.0,
    rows=8,
    row_length=64,
    codec_batch=32,
)

STUDY = LatentLM(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    backbone=backbone(4),
    head=HEAD,
    doubt=0.0,
    text_first=TEXT_FIRST,
    sampling=Sampling(guidance=3.0),
)

PAPER = LatentLM(  # the 1.3B language model of section 4.2, on 256-pixel pictures with 16 x 16 latents of 16 channels
    image_size=256,
    vocab_size=100_352,
    codec=SigmaVaeShape(patch=16, channels=16, dim=768, n_layers=12, n_heads=12, noise="gaussian", sigma=0.75),
    backbone=TransformerShape(dim=2048, n_layers=24, n_heads=16, ffn_dim=6144),
    head=DiffusionShape(width=2048, n_layers=6, ffn_dim=6144, target="v", path="cosine"),
    image_weight=5.0,
    doubt=0.0,
    rows=1024,
    row_length=4096,
    codec_training=TrainSettings(lr=3e-4, optimizer="adamw", weight_decay=0.0, ema=0.9999),
    training=TrainSettings(lr=3e-4, warmup=500, optimizer="adamw", betas=(0.9, 0.98), weight_decay=0.01, ema=0.9999),
    sampling=Sampling(guidance=1.65, steps=20),
)


def _of_pictures(dim: int, n_layers: int, n_heads: int, ffn_dim: int, head_layers: int) -> LatentLM:
    """One of the paper's models of ImageNet: backbone and head are of one width, and 2,048 pictures are a batch.

    All else is PAPER's.
    """
    head = replace(PAPER.head, width=dim, n_layers=head_layers, ffn_dim=ffn_dim)
    training = replace(PAPER.training, lr=5e-4, warmup=100)
    return resized(
        PAPER, dim=dim, n_layers=n_layers, n_heads=n_heads, ffn_dim=ffn_dim, head=head, training=training, rows=128
    )


LatentLM.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": LatentLM(),
    "paper": PAPER,
    "paper-b": _of_pictures(768, 24, 12, 2048, 6),
    "paper-l": _of_pictures(1024, 32, 16, 2688, 8),
    "paper-h": _of_pictures(1280, 40, 20, 3392, 12),
    "paper-medium": _of_pictures(1024, 24, 16, 4096, 3),
    "paper-large": _of_pictures(1536, 24, 12, 6144, 3),
    "paper-xl": _of_pictures(2048, 24, 16, 8192, 3),
    "paper-3b": _of_pictures(2560, 32, 20, 10_240, 3),
}
