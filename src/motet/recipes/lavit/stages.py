"""LaVIT's stages: all patches, kept; selector and merger, without codes; the codes; the model.

With a selector from the start, only the mean picture is learned; with codes from the start, few of them are used.
"""

from dataclasses import dataclass, field, replace

from motet.codecs.dynamic import Dynamic
from motet.data.corpus import Corpus
from motet.data.loader import document_rng
from motet.errors import ConfigError
from motet.model import Model
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Stage
from motet.recipes.train_codec import TrainCodec, sample_pixels
from motet.train.objective import Objective
from motet.train.settings import TrainSettings


@dataclass(frozen=True)
class LaVITStages(PictureRecipe):
    """The knobs of the stages."""

    codec_batch: int = field(default=128, metadata={"help": "pictures in a batch of the codec's stages"})
    painting_share: float = field(
        default=0.1, metadata={"help": "share of the run's budget in which the codec keeps all patches"}
    )
    merging_share: float = field(
        default=0.15, metadata={"help": "share of the budget in which it learns which to keep, without codes"}
    )
    codec_share: float = field(default=0.1, metadata={"help": "share of the budget of the codec with its codes"})
    painting_training: TrainSettings = TrainSettings(lr=4e-3, weight_decay=0.0, ema=0.99, floor=0.5)
    merging_training: TrainSettings = TrainSettings(lr=3e-3, weight_decay=0.0, ema=0.99, floor=0.2)
    codec_training: TrainSettings = TrainSettings(lr=2e-3, weight_decay=0.0, ema=0.99, floor=0.03)

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.painting_share, self.merging_share) <= 0 or self.model_share <= 0:
            raise ConfigError(
                f"painting_share {self.painting_share}, merging_share {self.merging_share} and codec_share "
                f"{self.codec_share} are shares of the budget above 0, and must leave some of it to the model"
            )

    @property
    def model_share(self) -> float:
        """What the codec's stages leave."""
        return 1 - self.painting_share - self.merging_share - self.codec_share

    def stages(self, seed: int) -> list[Stage]:
        return [
            self.painting_stage(seed),
            self.merging_stage(seed),
            self.codec_stage(seed),
            replace(self.model_stage(seed), share=self.model_share),
        ]

    def painting_stage(self, seed: int) -> Stage:
        """Encoder, merger and painter; all patches are kept."""
        return Stage(
            "painting",
            self.painting_share,
            replace(self.painting_training, seed=seed),
            lambda model, corpus: TrainCodec(self.drawing_codec(model), corpus, batch=self.codec_batch, seed=seed),
        )

    def merging_stage(self, seed: int) -> Stage:
        """The selector too."""

        def objective(model: Model, corpus: Corpus) -> Objective:
            codec = self.drawing_codec(model)
            assert isinstance(codec, Dynamic)
            codec.choose()
            return TrainCodec(codec, corpus, batch=self.codec_batch, seed=seed, starts=False)

        return Stage("merging", self.merging_share, replace(self.merging_training, seed=seed), objective)

    def codec_stage(self, seed: int) -> Stage:
        """Codes in place, at k-means of what the first stage made; the selection stays as it is."""

        def objective(model: Model, corpus: Corpus) -> Objective:
            codec = self.drawing_codec(model)
            assert isinstance(codec, Dynamic)
            codec.quantise(sample_pixels(corpus, 2048, seed).to(codec.device), document_rng(seed + 1, 0))
            made = TrainCodec(codec, corpus, batch=self.codec_batch, seed=seed, starts=False)
            for part in codec.selecting():
                part.requires_grad_(False)
            return made

        return replace(super().codec_stage(seed), objective=objective)
