"""Janus: one encoder to read pictures, another to make them (Wu et al. 2024, arXiv 2410.13848).

One causal transformer. A picture that is read enters as features of an encoder trained by image-text contrast; one that
is made is codes of a VQ tokenizer. Each way has its own adaptor of two layers, and codes have a head of two layers, so
that what is asked of one encoding is not paid for by the other.

    read   pixels -> vision transformer -> features -> adaptor     --+
    text   ids -> table                                            --+-> transformer -+-> linear   -> text
    made   codes -> vectors -> aligner                             --+                +-> two layers -> the next code

Stages: the two encoders, each by itself; then, as in section 3.2, (1) adaptors and the head of codes, (2) all but the
encoders, (3) the same with a falling learning rate. ``generation="latent"`` replaces codes by sigma-VAE latents and
their head by a diffusion (LatentLM, arXiv 2412.08635): which encoder reads is another question than what is drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

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
from motet.model import Modality, Model
from motet.nn.backbone import TransformerShape
from motet.recipes.decoupled_stages import adaptors, from_codebook, reader, without_teacher
from motet.recipes.paper_sizes import resized
from motet.recipes.pictures import IMAGE, PictureRecipe
from motet.recipes.recipe import Recipe, Stage
from motet.recipes.study import CODES, CODES_BATCH, SIDE, TEXT_FIRST, backbone
from motet.recipes.train_codec import sample_pixels
from motet.recipes.train_contrast import TrainContrast
from motet.request import Sampling
from motet.train.objective import mix
from motet.train.settings import TrainSettings

VIEW = "view"
"""Spans of features: pictures that are only read."""
MEASURED = 1024
"""Training pictures that the statistics of features are taken from, at most."""


@dataclass(frozen=True)
class Janus(PictureRecipe):
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
    contrast_batch: int = field(default=128, metadata={"help": "pairs in a batch of the reading encoder's stage"})
    contrast_share: float = field(
        default=0.15, metadata={"help": "share of the run's budget that the reading encoder's stage takes"}
    )
    adaptor_share: float = field(
        default=0.03, metadata={"help": "share of the budget in which the backbone is frozen; 0: no such stage"}
    )
    tuning_share: float = field(
        default=0.2, metadata={"help": "share of the budget of the last stage; 0: no such stage"}
    )
    contrast_training: TrainSettings = TrainSettings(lr=4e-3, weight_decay=0.0, ema=0.99, floor=0.03)
    adaptor_training: TrainSettings = TrainSettings(lr=2e-3, optimizer="adamw", ema=0.9, eval_at=(1.0,), preview_at=())
    training: TrainSettings = TrainSettings(lr=1e-2, ema=0.995, floor=1.0, preview_at=(0.05, 0.25, 0.5, 1.0))
    tuning_training: TrainSettings = TrainSettings(lr=1e-2, ema=0.995, floor=0.03, preview_at=(0.5, 1.0))
    sampling: Sampling = Sampling(guidance=3.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.generation == "latent" and self.encoders != "decoupled":
            raise ConfigError(f"encoders={self.encoders} shares codes; generation=latent has none, so it is decoupled")
        if min(self.adaptor_share, self.tuning_share) < 0 or self.model_share <= 0:
            raise ConfigError(
                f"codec_share {self.codec_share}, contrast_share {self.contrast_share}, adaptor_share "
                f"{self.adaptor_share} and tuning_share {self.tuning_share} are negative, or leave the model nothing"
            )

    def idle(self) -> tuple[str, ...]:
        """What belongs to encoders, to a way of drawing and to stages that are not chosen."""
        idle = ["vq."] if self.generation == "latent" else ["codec.", "head."]
        if self.encoders != "shared_semantic":
            idle.append("semantic.")
        if not self.contrasts:
            idle += ["features.", "contrast_"]
        if not self.adaptor_share:
            idle.append("adaptor_training.")
        if not self.tuning_share:
            idle.append("tuning_training.")
        return tuple(idle)

    @property
    def contrasts(self) -> bool:
        """Whether there is an understanding encoder to train."""
        return self.encoders != "shared_vq"

    @property
    def model_share(self) -> float:
        """What the other stages leave to the second, in which all but the encoders learn."""
        contrast = self.contrast_share if self.contrasts else 0.0
        return 1 - self.codec_share - contrast - self.adaptor_share - self.tuning_share

    # the picture

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
        if self.encoders == "shared_semantic":
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

    # the stages

    def stages(self, seed: int) -> list[Stage]:
        encoders = [self.codec_stage(seed)]
        if self.contrasts:  # a semantic tokenizer's teacher has to be there before it
            encoders.insert(0 if self.encoders == "shared_semantic" else 1, self.contrast_stage(seed))
        aligning, tuning = (mix(seed, stage) for stage in (1, 2))  # another order, so that no document comes again
        joint = [
            self.joint_stage("adaptors", self.adaptor_share, replace(self.adaptor_training, seed=aligning), adaptors),
            self.joint_stage("model", self.model_share, replace(self.training, seed=seed)),
            self.joint_stage("tuning", self.tuning_share, replace(self.tuning_training, seed=tuning)),
        ]
        first, *rest = (stage for stage in joint if stage.share)
        return [*encoders, from_codebook(first), *rest]

    def drawing_codec(self, model: Model) -> PictureCodec:
        codec = model.modality(IMAGE).codec
        return codec.drawn if isinstance(codec, Decoupled) else super().drawing_codec(model)

    def contrast_stage(self, seed: int) -> Stage:
        """The understanding encoder by contrast; then the statistics of its features are measured."""
        return Stage(
            "contrast",
            self.contrast_share,
            replace(self.contrast_training, seed=seed),
            lambda model, corpus: TrainContrast(
                reader(model), model.text, corpus, batch=self.contrast_batch, seed=seed
            ),
            lambda model, corpus: reader(model).measure(sample_pixels(corpus, MEASURED, seed).to(model.device)),
        )

    def codec_stage(self, seed: int) -> Stage:
        stage = super().codec_stage(seed)
        return without_teacher(stage) if self.encoders == "shared_semantic" else stage


TINY = Janus(
    image_size=16,
    vocab_size=320,
    features=FeaturesShape(patch=8, dim=16, n_layers=1, n_heads=2),
    vq=VqShape(patch=8, codebook_size=16, code_dim=4, dim=32, n_layers=1, n_heads=2),
    codec=SigmaVaeShape(patch=8, channels=8, dim=32, n_layers=1, n_heads=2, sigma=0.1),
    semantic=SemanticShape(dim=16, n_layers=1, n_heads=2),
    backbone=TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True),
    head=DiffusionShape(width=32, n_layers=2, ffn_dim=64),
    rows=8,
    row_length=64,
    doubt=0.0,
    codec_batch=32,
    contrast_batch=4,
    codec_share=0.1,
    contrast_share=0.1,
    adaptor_share=0.1,
    tuning_share=0.5,
)

STUDY = Janus(
    image_size=SIDE,
    vq=CODES,
    codec_batch=CODES_BATCH,
    features=FeaturesShape(patch=4),
    backbone=backbone(6),
    doubt=0.0,
    text_first=TEXT_FIRST,
    rows=16,
    row_length=256,
    sampling=Sampling(guidance=1.5),
)

PAPER = Janus(  # Janus 1.3B: a LLaMA of 24 blocks, 384-pixel pictures as 24 x 24 tokens, SigLIP-L/16 and VQ-16
    image_size=384,
    vocab_size=102_400,
    features=FeaturesShape(patch=16, dim=1024, n_layers=24, n_heads=16),
    vq=VqShape(patch=16, codebook_size=16_384, code_dim=8, dim=768, n_layers=12, n_heads=12),
    codec=SigmaVaeShape(patch=16, channels=16, dim=768, n_layers=12, n_heads=12),
    backbone=TransformerShape(dim=2048, n_layers=24, n_heads=16, ffn_dim=5632),
    head=DiffusionShape(width=2048, n_layers=6, ffn_dim=6144),
    semantic=SemanticShape(dim=768, n_layers=12, n_heads=12),
    doubt=0.0,
    rows=512,
    row_length=4096,
    text_first=0.625,
    adaptor_share=0.03,
    tuning_share=0.06,
    contrast_batch=32_768,
    adaptor_training=TrainSettings(
        lr=1e-3, warmup=300, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.0, ema=0.9999
    ),
    training=TrainSettings(
        lr=1e-4, warmup=5000, floor=1.0, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.0, ema=0.9999
    ),
    tuning_training=TrainSettings(
        lr=2e-5, warmup=0, floor=1.0, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.1, ema=0.9999
    ),
    sampling=Sampling(guidance=5.0),
)

Janus.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": Janus(),
    "paper": PAPER,
    "paper-pro-7b": resized(  # Janus-Pro's blocks; encoders and stages are those of Janus
        PAPER,
        dim=4096,
        n_layers=30,
        n_heads=32,
        ffn_dim=11_008,
        head=replace(PAPER.head, width=4096, ffn_dim=12_288),
    ),
}
