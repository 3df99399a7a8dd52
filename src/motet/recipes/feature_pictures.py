"""What Emu and PUMA share: one set of features for reading and writing pictures, and a drawer that learns by itself.

Three stages: an understanding encoder by image-text contrast; a diffusion decoder from its features back to pictures
(the stage "codec"); and the model, which predicts features by regression. A recipe says which scales of the features
there are, and how much the errors of each count.
"""

from abc import abstractmethod
from dataclasses import dataclass, field, replace

from motet.bounds import check_bounds
from motet.codecs.feature_decoder import FeatureDecoder, FeatureDecoderShape
from motet.codecs.features import Features, FeaturesShape
from motet.codecs.pyramid import Pyramid
from motet.data.corpus import Corpus
from motet.embed.embed import Embed
from motet.embed.project import Project
from motet.embed.strangers import Strangers
from motet.errors import ConfigError
from motet.factorise.coarse_to_fine import CoarseToFine
from motet.heads.regression import Regression
from motet.model import Modality, Model
from motet.recipes.pictures import IMAGE, PictureRecipe
from motet.recipes.recipe import Stage
from motet.recipes.train_codec import sample_pixels
from motet.recipes.train_contrast import TrainContrast
from motet.recipes.train_feature_decoder import TrainFeatureDecoder
from motet.request import Sampling
from motet.train.settings import TrainSettings

MEASURED = 1024
"""Training pictures that the statistics of features are taken from, at most."""


@dataclass(frozen=True)
class FeaturePictures(PictureRecipe):
    """The knobs that every recipe for pictures as features has."""

    features: FeaturesShape = FeaturesShape()
    decoder: FeatureDecoderShape = FeatureDecoderShape()
    contrast_batch: int = field(default=128, metadata={"help": "pairs in a batch of the contrast stage"})
    contrast_share: float = field(
        default=0.15, metadata={"help": "share of the run's budget that the contrast stage takes"}
    )
    contrast_training: TrainSettings = TrainSettings(lr=4e-3, weight_decay=0.0, ema=0.99, floor=0.03)
    codec_batch: int = field(default=64, metadata={"help": "pictures in a batch of the decoder's stage"})
    codec_share: float = field(
        default=0.35, metadata={"help": "share of the run's budget that the decoder's stage takes"}
    )
    codec_dropout: float = field(
        default=0.0,
        metadata={
            "help": "share of pictures that the decoder learns from a black picture's features, for its guidance"
        },
    )
    image_weight: float = field(default=5.0, metadata={"help": "weight of the features' loss beside the text's"})
    doubt: float = field(
        default=1.0,
        metadata={"help": "most of a picture's earlier features that training shows as another picture's (papers: 0)"},
    )
    sampling: Sampling = Sampling(guidance=1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "contrast_batch", low=1)
        check_bounds(self, "codec_dropout", "doubt", low=0, high=1)
        if self.codec_batch < len(self.order().scales):
            raise ConfigError(
                f"codec_batch is {self.codec_batch}; every batch of the decoder's stage has pictures for each of the "
                f"{len(self.order().scales)} scales"
            )
        if self.sampling.scales > len(self.order().scales):
            raise ConfigError(
                f"sampling.scales is {self.sampling.scales}, but a picture has {len(self.order().scales)}; "
                "0 generates all of them"
            )
        if not 0 < self.contrast_share < 1 - self.codec_share:
            raise ConfigError(
                f"contrast_share is {self.contrast_share} and codec_share {self.codec_share}; both are shares of the "
                "budget above 0, and together they must leave some of it to the model"
            )
        if self.decoder.guidance != 1.0 and not self.codec_dropout:
            raise ConfigError(
                f"decoder.guidance is {self.decoder.guidance}, but with codec_dropout 0 the decoder never learns its "
                "unconditional branch; set codec_dropout (PUMA: 0.1), or decoder.guidance to 1"
            )

    @abstractmethod
    def order(self) -> CoarseToFine:
        """The scales, and how much the errors of each count."""

    def picture(self) -> Modality:
        dim, channels, order = self.backbone.dim, self.features.dim, self.order()
        factors = order.scales.factors
        decoder = FeatureDecoder(channels, self.features.patch, factors, self.decoder)
        codec = Pyramid(Features(self.features), factors, decoder=decoder)
        tokens = Project(channels, dim)
        embed: Embed = Strangers(tokens) if self.doubt else tokens
        return Modality(
            codec=codec,
            embed=embed,
            factorise=order,
            head=Regression(dim, channels),
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=codec.grid_of(self.image_size, self.image_size),
        )

    def stages(self, seed: int) -> list[Stage]:
        model = self.model_stage(seed)
        return [
            self.contrast_stage(seed),
            self.codec_stage(seed),
            replace(model, share=model.share - self.contrast_share),
        ]

    def contrast_stage(self, seed: int) -> Stage:
        """The encoder beside a text tower; then the statistics of its features are measured."""

        def measure(model: Model, corpus: Corpus) -> None:
            pyramid_of(model).features.measure(sample_pixels(corpus, MEASURED, seed).to(model.device))

        return Stage(
            "contrast",
            self.contrast_share,
            replace(self.contrast_training, seed=seed),
            lambda model, corpus: TrainContrast(
                pyramid_of(model).features, model.text, corpus, batch=self.contrast_batch, seed=seed
            ),
            measure,
        )

    def codec_stage(self, seed: int) -> Stage:
        """Pictures drawn from the features of each scale; the encoder stays as it is."""
        return Stage(
            "codec",
            self.codec_share,
            replace(self.codec_training, seed=seed),
            lambda model, corpus: TrainFeatureDecoder(
                pyramid_of(model),
                corpus,
                batch=self.codec_batch,
                condition_dropout=self.codec_dropout,
                seed=seed,
            ),
        )


def pyramid_of(model: Model) -> Pyramid:
    codec = model.modality(IMAGE).codec
    assert isinstance(codec, Pyramid)
    return codec
