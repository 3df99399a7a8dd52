"""Janus: one encoder to read pictures, another to make them (Wu et al. 2024, arXiv 2410.13848).

One causal transformer. A picture that is read enters as features of an encoder trained by image-text contrast; one that
is made is codes of a VQ tokenizer. Each way has its own adaptor of two layers, and codes have a head of two layers, so
that what is asked of one encoding is not paid for by the other.

    read   pixels -> vision transformer -> features -> adaptor     --+
    text   ids -> table                                            --+-> transformer -+-> linear   -> text
    made   codes -> vectors -> aligner                             --+                +-> two layers -> the next code

``generation="latent"`` replaces codes by sigma-VAE latents and their head by a diffusion (LatentLM, arXiv 2412.08635):
which encoder reads is another question than what is drawn (made.py). What is trained when is in stages.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from motet.codecs.codec import Codec
from motet.codecs.decoupled import Decoupled
from motet.codecs.features import Features, FeaturesShape
from motet.codecs.halves import Halves
from motet.codecs.semantic_vq import SemanticShape, SemanticVQ
from motet.embed.aligner import Aligned
from motet.embed.doors import Doors
from motet.embed.embed import Embed
from motet.errors import ConfigError
from motet.factorise.factorisation import Factorisation
from motet.factorise.given import Given
from motet.factorise.next_token import NextToken
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
    features: FeaturesShape = FeaturesShape()
    semantic: SemanticShape = SemanticShape()
    backbone: TransformerShape = TransformerShape(n_layers=8, rope_axes=(32, 0, 16, 16), qk_norm=True)
    rows: int = field(default=24, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=192, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=3.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.generation == "latent" and self.encoders != "decoupled":
            raise ConfigError(f"encoders={self.encoders} shares codes; generation=latent has none, so it is decoupled")

    def idle(self) -> tuple[str, ...]:
        """What belongs to a tokenizer that is not chosen."""
        return (*super().idle(), *(() if self.teaches else ["semantic."]))

    @property
    def contrasts(self) -> bool:
        return self.encoders != "shared_vq"

    @property
    def teaches(self) -> bool:
        return self.encoders == "shared_semantic"

    def picture(self) -> Modality:
        made = self.made(SemanticVQ(self.vq, self.features, self.semantic) if self.teaches else None)
        codec: Codec = made.codec
        embed: Embed = made.embed
        factorise: Factorisation = NextToken(doubt=self.doubt)
        if self.encoders == "decoupled":
            halves = Halves(self.features.dim, made.channels)
            codec = Decoupled(Features(self.features), made.codec, halves, side=self.image_size)
            embed = Doors(embed, {VIEW: Aligned(self.features.dim, self.backbone.dim)})
            factorise = Given(factorise, halves, view=VIEW)
        return Modality(
            codec=codec,
            embed=embed,
            factorise=factorise,
            head=made.head,
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(made.patch, named="codec.patch" if self.generation == "latent" else "vq.patch"),
        )
