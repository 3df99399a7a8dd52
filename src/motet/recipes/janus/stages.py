"""Janus' stages: the two encoders, each by itself; adaptors and the head of codes; all but the encoders, twice.

The paper's stages are those of its section 3.2. That the last one's learning rate falls is ours: the paper's is
constant.
"""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from torch import nn

from motet.bounds import check_bounds
from motet.codecs.codebook import Codebook
from motet.codecs.decoupled import Decoupled
from motet.codecs.features import Features
from motet.codecs.picture_codec import PictureCodec
from motet.codecs.semantic_vq import SemanticVQ
from motet.data.corpus import Corpus
from motet.embed.aligner import AlignedCodes
from motet.errors import ConfigError
from motet.model import Model
from motet.recipes.janus.made import Making
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import Stage
from motet.recipes.train_codec import sample_pixels
from motet.recipes.train_contrast import TrainContrast
from motet.train.objective import Objective, mix
from motet.train.settings import TrainSettings

MEASURED = 1024
"""Training pictures that the statistics of features are taken from, at most."""


@dataclass(frozen=True)
class JanusStages(Making):
    """The knobs of the stages."""

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

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "contrast_batch", low=1)
        if min(self.adaptor_share, self.tuning_share) < 0 or self.model_share <= 0:
            raise ConfigError(
                f"codec_share {self.codec_share}, contrast_share {self.contrast_share}, adaptor_share "
                f"{self.adaptor_share} and tuning_share {self.tuning_share} are negative, or leave the model nothing"
            )
        if self.contrasts and self.contrast_share <= 0:
            raise ConfigError(
                f"contrast_share is {self.contrast_share}; an understanding encoder that is trained takes a share of "
                "the budget above 0"
            )

    @property
    @abstractmethod
    def contrasts(self) -> bool:
        """Whether there is an understanding encoder to train."""

    @property
    @abstractmethod
    def teaches(self) -> bool:
        """Whether the tokenizer learns that encoder's features."""

    @property
    def model_share(self) -> float:
        """What the other stages leave to the second, in which all but the encoders learn."""
        contrast = self.contrast_share if self.contrasts else 0.0
        return 1 - self.codec_share - contrast - self.adaptor_share - self.tuning_share

    def idle(self) -> tuple[str, ...]:
        """What belongs to stages that are left out."""
        idle = [*super().idle()]
        if not self.contrasts:
            idle += ["features.", "contrast_"]
        if not self.adaptor_share:
            idle.append("adaptor_training.")
        if not self.tuning_share:
            idle.append("tuning_training.")
        return tuple(idle)

    def stages(self, seed: int) -> list[Stage]:
        encoders = [self.codec_stage(seed)]
        if self.contrasts:  # a semantic tokenizer's teacher has to be there before it
            encoders.insert(0 if self.teaches else 1, self.contrast_stage(seed))
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
        return without_teacher(stage) if self.teaches else stage


def reader(model: Model) -> Features:
    """The understanding encoder: what reads pictures, or what a semantic tokenizer learns from."""
    codec = model.modality(IMAGE).codec
    if isinstance(codec, Decoupled):
        return codec.given
    assert isinstance(codec, SemanticVQ)
    return codec.teacher


def adaptors(model: Model) -> Iterable[nn.Module]:
    """What the paper's first stage trains: the ways in and out of pictures."""
    picture = model.modality(IMAGE)
    return picture.embed, picture.head


def from_codebook(stage: Stage) -> Stage:
    """The stage, before which the vectors of codes start as the codebook's."""

    def objective(model: Model, corpus: Corpus) -> Objective:
        codebooks = [part.codes for part in model.modality(IMAGE).codec.modules() if isinstance(part, Codebook)]
        tables = [part for part in model.modality(IMAGE).embed.modules() if isinstance(part, AlignedCodes)]
        for table, codes in zip(tables, codebooks, strict=True):
            table.start_from(codes)
        return stage.objective(model, corpus)

    return replace(stage, objective=objective)


def without_teacher(stage: Stage) -> Stage:
    """The stage, which does not train the encoder that it learns from."""

    def objective(model: Model, corpus: Corpus) -> Objective:
        made = stage.objective(model, corpus)
        reader(model).requires_grad_(False)
        return made

    return replace(stage, objective=objective)
