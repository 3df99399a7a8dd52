"""Janus: one encoder to read pictures, another to make them (Wu et al. 2024, arXiv 2410.13848).

One causal transformer. A picture that is read enters as features of an encoder trained by image-text contrast; one that
is made is codes of a VQ tokenizer. Each way has its own adaptor of two layers, and codes have a head of two layers, so
that what is asked of one encoding is not paid for by the other.

    read   pixels -> vision transformer -> features -> adaptor     --+
    text   ids -> table                                            --+-> transformer -+-> linear   -> text
    made   codes -> vectors -> aligner                             --+                +-> two layers -> the next code

``generation="latent"`` replaces codes by sigma-VAE latents and their head by a diffusion (LatentLM, arXiv 2412.08635):
which encoder reads is another question than what is drawn. What is trained when is in stages.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from motet.bounds import check_bounds
from motet.codecs.codec import Codec
from motet.codecs.decoupled import Decoupled
from motet.codecs.features import Features, FeaturesShape
from motet.codecs.halves import Halves
from motet.codecs.picture_codec import PictureCodec
from motet.codecs.semantic_vq import SemanticShape, SemanticVQ
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.vq import VQ, VqShape
from motet.embed.aligner import Aligned, AlignedCodes
from motet.embed.doors import Doors
from motet.embed.embed import Embed
from motet.embed.strangers import Strangers
from motet.errors import ConfigError
from motet.factorise.factorisation import Factorisation
from motet.factorise.given import Given
from motet.factorise.next_token import NextToken
from motet.heads.categorical import Categorical
from motet.heads.deepened import Deepened
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.heads.head import Head
from motet.model import Modality
from motet.nn.backbone import TransformerShape
from motet.recipes.janus.stages import JanusStages
from motet.recipes.recipe import Recipe
from motet.request import Sampling

VIEW = "view"
"""Spans of features: pictures that are only read."""


@dataclass(frozen=True)
class Janus(JanusStages):
    """The knobs of Janus."""

    paper: ClassVar[str] = "Janus, arXiv 2410.13848"
    summary: ClassVar[str] = "decoupled encoders: pictures are read as features and made as VQ codes"
    sizes: ClassVar[Mapping[str, Recipe]]

    encoders: Literal["decoupled", "shared_vq", "shared_semantic"] = field(
        default="decoupled",
        metadata={
            "help": "decoupled: features to read, codes to make; shared_*: codes for both, the semantic ones "
            "trained to tell the features too"
        },
    )
    generation: Literal["vq", "latent"] = field(
        default="vq", metadata={"help": "vq: codes and a softmax; latent: sigma-VAE latents and a diffusion head"}
    )
    features: FeaturesShape = FeaturesShape()
    vq: VqShape = VqShape()
    codec: SigmaVaeShape = SigmaVaeShape(patch=6, channels=32, sigma=0.1)
    head: DiffusionShape = DiffusionShape(shift=2.0)
    semantic: SemanticShape = SemanticShape()
    backbone: TransformerShape = TransformerShape(n_layers=8, rope_axes=(32, 0, 16, 16), qk_norm=True)
    doubt: float = field(
        default=1.0,
        metadata={"help": "most of a picture's earlier codes that training shows as another picture's (paper: 0)"},
    )
    rows: int = field(default=24, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=192, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=3.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "doubt", low=0, high=1)
        if self.generation == "latent" and self.encoders != "decoupled":
            raise ConfigError(f"encoders={self.encoders} shares codes; generation=latent has none, so it is decoupled")
        if self.contrasts and self.contrast_share <= 0:
            raise ConfigError(
                f"contrast_share is {self.contrast_share}; with encoders={self.encoders} it is a share of the budget "
                "above 0"
            )

    def idle(self) -> tuple[str, ...]:
        """What belongs to encoders and to a way of drawing that are not chosen, and to stages that are left out."""
        idle = [*super().idle(), *(["vq."] if self.generation == "latent" else ["codec.", "head."])]
        if not self.teaches:
            idle.append("semantic.")
        if not self.contrasts:
            idle.append("features.")
        return tuple(idle)

    @property
    def contrasts(self) -> bool:
        return self.encoders != "shared_vq"

    @property
    def teaches(self) -> bool:
        return self.encoders == "shared_semantic"

    def picture(self) -> Modality:
        embed, head = self.way_out()
        factorise: Factorisation = NextToken(doubt=self.doubt)
        drawn = self.drawn()
        codec: Codec = drawn
        if self.encoders == "decoupled":
            halves = Halves(self.features.dim, self.codec.channels if self.generation == "latent" else None)
            codec = Decoupled(Features(self.features), drawn, halves, side=self.image_size)
            embed = Doors(embed, {VIEW: Aligned(self.features.dim, self.backbone.dim)})
            factorise = Given(factorise, halves, view=VIEW)
        return Modality(
            codec=codec,
            embed=embed,
            factorise=factorise,
            head=head,
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(self.codec.patch if self.generation == "latent" else self.vq.patch),
        )

    def drawn(self) -> PictureCodec:
        """What makes pictures of what the model draws."""
        if self.generation == "latent":
            return SigmaVAE(self.codec)
        if self.teaches:
            return SemanticVQ(self.vq, self.features, self.semantic)
        return VQ(self.vq)

    def way_out(self) -> tuple[Embed, Head]:
        """How what is drawn enters, and what it is drawn from."""
        dim, channels = self.backbone.dim, self.codec.channels
        embed: Embed
        head: Head
        if self.generation == "latent":
            embed, head = Aligned(channels, dim), Diffusion(dim, channels, self.head)
        else:
            size = self.vq.codebook_size
            embed, head = AlignedCodes(size, self.vq.code_dim, dim), Deepened(dim, Categorical(dim, size))
        return Strangers(embed) if self.doubt else embed, head
