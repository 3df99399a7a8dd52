"""LaVIT: a picture as a sentence, as long as its content asks for (Jin et al. 2023, arXiv 2309.04669).

A tokenizer keeps some patches of a picture, folds the others into them, and gives each a code. One causal transformer
writes text and such sentences alike, code by code up to an end that it predicts too. A picture that is read enters as
what the merger made of it, before the codes were chosen; one that is made, as its codes.

    text -> image   <|document|> a red fox <|image|> k k k k k END <|/image|> <|end|>
    image -> text   <|document|> <|image|> h h h h h <|/image|> a red fox <|end|>

Stages: all patches, kept; selector and merger, without codes; the codes; the model. The paper shares one softmax
between words and codes; here codes have their own, as every modality here has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from motet.codecs.dynamic import Dynamic, DynamicShape
from motet.data.corpus import Corpus
from motet.data.loader import document_rng
from motet.embed.aligner import Aligned
from motet.embed.doors import Doors
from motet.embed.lookup import Lookup
from motet.errors import ConfigError
from motet.factorise.given import Given
from motet.factorise.until import Until
from motet.heads.categorical import Categorical
from motet.model import Modality, Model
from motet.nn.backbone import TransformerShape
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe, Stage
from motet.recipes.study import CODES_BATCH, SIDE, TEXT_FIRST, backbone
from motet.recipes.train_codec import TrainCodec, sample_pixels
from motet.request import Sampling
from motet.train.objective import Objective
from motet.train.settings import TrainSettings

VIEW = "view"
"""Spans of merged tokens: pictures that are only read."""


@dataclass(frozen=True)
class LaVIT(PictureRecipe):
    """The knobs of LaVIT."""

    paper: ClassVar[str] = "LaVIT, arXiv 2309.04669"
    summary: ClassVar[str] = "pictures as sentences of codes: a selector and a merger decide how many"
    sizes: ClassVar[Mapping[str, Recipe]]

    codec: DynamicShape = DynamicShape()
    backbone: TransformerShape = TransformerShape(n_layers=8, rope_axes=(32, 0, 16, 16), qk_norm=True)
    rows: int = field(default=24, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=192, metadata={"help": "tokens in a row"})
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
    sampling: Sampling = Sampling(guidance=3.0)

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

    def picture(self) -> Modality:
        grid = self.grid(self.codec.patch)
        dim, sentence = self.backbone.dim, self.codec.sentence(grid[0] * grid[1])
        return Modality(
            codec=Dynamic(self.codec, side=self.image_size),
            embed=Doors(Lookup(sentence.size, dim), {VIEW: Aligned(self.codec.dim, dim)}),
            factorise=Given(Until(sentence), self.codec.halves(), view=VIEW, carries=sentence.carries),
            head=Categorical(dim, sentence.size),
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=grid,
        )

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


TINY = LaVIT(
    image_size=16,
    vocab_size=320,
    codec=DynamicShape(
        patch=8,
        rate=0.5,
        codebook_size=16,
        code_dim=4,
        dim=16,
        n_heads=2,
        encoder_layers=1,
        merger_layers=1,
        painter_layers=1,
    ),
    backbone=TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True),
    rows=8,
    row_length=64,
    codec_batch=32,
)

STUDY = LaVIT(
    image_size=SIDE,
    codec=DynamicShape(patch=4, codebook_size=512, dim=128),
    codec_batch=CODES_BATCH,
    backbone=backbone(6),
    text_first=TEXT_FIRST,
    sampling=Sampling(guidance=1.5),
)

PAPER = LaVIT(  # LLaMA 7B; 224-pixel pictures as 16 x 16 patches of a ViT-g/14, a third of them kept, 16384 codes
    image_size=224,
    vocab_size=32_000,
    codec=DynamicShape(
        patch=14,
        codebook_size=16_384,
        code_dim=32,
        dim=1408,
        n_heads=16,
        encoder_layers=40,
        merger_layers=12,
        painter_layers=12,
    ),
    backbone=TransformerShape(dim=4096, n_layers=32, n_heads=32, ffn_dim=11_008),
    rows=512,
    row_length=2048,
    codec_batch=2048,
    training=TrainSettings(lr=5e-5, optimizer="adamw", betas=(0.9, 0.95), ema=0.9999),
    sampling=Sampling(guidance=4.0),
)

LaVIT.sizes = {"tiny": TINY, "study": STUDY, "small": LaVIT(), "paper": PAPER}
