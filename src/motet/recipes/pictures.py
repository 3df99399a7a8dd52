"""What all recipes for text and pictures share: the stream of text around one picture modality, and two stages.

A recipe of this kind says what its picture modality is (codec, embedding, factorisation, head) and, where its blocks
are not plain, its backbone. Everything else is here: the text modality, the tokenizer, the stage that trains the codec
on pixels, and the stage that trains the model on packed documents in both orders.
"""

from abc import abstractmethod
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from motet.bounds import check_bounds
from motet.codecs.picture_codec import PictureCodec
from motet.codecs.sigma_vae import SigmaVaeShape
from motet.codecs.text import TextCodec
from motet.data.corpus import Corpus
from motet.data.loader import document_rng
from motet.embed.lookup import Lookup
from motet.errors import ConfigError
from motet.factorise.next_token import NextToken
from motet.heads.categorical import Categorical
from motet.model import TEXT, Modality, Model
from motet.nn.backbone import Backbone, TransformerShape
from motet.recipes.recipe import Recipe, Stage
from motet.recipes.train_codec import TrainCodec, sample_pixels
from motet.recipes.train_joint import Mixture, TrainJointly
from motet.request import WRITING, Sampling
from motet.train.settings import TrainSettings

IMAGE = "image"
LEAST_IDS = 260
"""The bytes, and the marks that open and close a document and a picture."""


@dataclass(frozen=True)
class PictureRecipe(Recipe):
    """The knobs that every recipe for text and pictures has.

    text_weight: weight of the text's loss; 0 in a recipe that reads text and learns none.
    """

    text_weight: ClassVar[float] = 1.0

    image_size: int = field(default=48, metadata={"help": "pixels along a side of a picture"})
    vocab_size: int = field(default=1024, metadata={"help": "ids of the BPE that is trained on the data"})
    tokenizer: str | None = field(default=None, metadata={"help": "a tokenizer.json to use instead of training one"})
    backbone: TransformerShape = TransformerShape(rope_axes=(32, 0, 16, 16), qk_norm=True)
    image_weight: float = field(default=1.0, metadata={"help": "weight of the picture's loss beside the text's"})
    condition_dropout: float = field(default=0.1, metadata={"help": "share of pictures trained without their prompt"})
    text_first: float = field(
        default=0.5, metadata={"help": "share of pairs with the text first; the rest: picture first"}
    )
    balance: float = field(
        default=0.5,
        metadata={"help": "where pictures are drawn, 0: documents equally often; 1: groups of variants equally often"},
    )
    describing_balance: float = field(default=0.0, metadata={"help": "the same where pictures are described"})
    rows: int = field(default=32, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=128, metadata={"help": "tokens in a row"})
    codec_batch: int = field(default=128, metadata={"help": "pictures in a batch of the codec's stage"})
    codec_share: float = field(default=0.2, metadata={"help": "share of the run's budget that the codec's stage takes"})
    codec_training: TrainSettings = TrainSettings(lr=8e-3, weight_decay=0.0, ema=0.99, floor=0.03)
    training: TrainSettings = TrainSettings(
        lr=1e-2, warmup=25, ema=0.995, floor=0.03, preview_at=(0.05, 0.25, 0.5, 0.75, 1.0)
    )
    sampling: Sampling = Sampling()

    def __post_init__(self) -> None:
        if not 0 < self.codec_share < 1:
            raise ConfigError(f"codec_share is {self.codec_share}; it is a share of the budget between 0 and 1")
        check_bounds(self, "image_size", "rows", "row_length", "codec_batch", low=1)
        check_bounds(self, "vocab_size", low=LEAST_IDS if self.tokenizer is None else 1)
        check_bounds(self, "condition_dropout", "text_first", "balance", "describing_balance", low=0, high=1)
        check_bounds(self, "image_weight", low=0)
        if self.sampling.guidance != 1 and not self.condition_dropout and self.text_first:
            raise ConfigError(
                f"sampling.guidance is {self.sampling.guidance}, but with condition_dropout 0 the model never learns "
                "its unconditional branch; set condition_dropout (0.1, say), or sampling.guidance to 1"
            )

    def mute(self, taught: Container[str] = ()) -> str:
        if not self.text_weight:
            return "it learns pictures and no text"
        one_way = self.text_first == 1 and TEXT not in taught
        return "it learns pictures from text alone (text_first=1)" if one_way else ""

    def handless(self, taught: Container[str] = ()) -> str:
        one_way = self.text_first == 0 and IMAGE not in taught
        return "it learns text from pictures alone (text_first=0)" if one_way else ""

    @abstractmethod
    def picture(self) -> Modality:
        """The picture modality, freshly initialised."""

    def blocks(self, text: TextCodec) -> Backbone:
        """The backbone, freshly initialised; plain unless a recipe says otherwise."""
        return Backbone.plain(self.backbone)

    def grid(self, patch: int, *, named: str = "codec.patch") -> tuple[int, int]:
        """The token grid of a picture. Raises ConfigError if patches, which are so named, do not divide it."""
        if self.image_size % patch:
            raise ConfigError(f"image_size {self.image_size} does not divide into patches of {patch} ({named})")
        return (self.image_size // patch,) * 2

    def build(self, text: TextCodec) -> Model:
        dim = self.backbone.dim
        words = Modality(
            codec=text,
            embed=Lookup(text.vocab_size, dim),
            factorise=NextToken(),
            head=Categorical(dim, text.vocab_size),
            weight=self.text_weight,
        )
        picture = self.picture()
        return Model(self.blocks(text), {TEXT: words, IMAGE: picture}, row_length=self.row_length)

    def text_codec(self, corpus: Corpus) -> TextCodec:
        if self.tokenizer is not None:
            return TextCodec.load(self.tokenizer, modalities=[IMAGE])
        return TextCodec.learn(corpus.train.texts, self.vocab_size, [IMAGE])

    def open_text(self, tokenizer: Path) -> TextCodec:
        return TextCodec.load(tokenizer, modalities=[IMAGE])

    def idle(self) -> tuple[str, ...]:
        """Seeds of stages, which have the run's; a noise scale without noise; a BPE's size beside a tokenizer."""
        parts = vars(self).items()
        seeds = [f"{name}.seed" for name, part in parts if isinstance(part, TrainSettings)]
        noises = [f"{name}.sigma" for name, part in parts if isinstance(part, SigmaVaeShape) and part.noise == "none"]
        return (*seeds, *noises, *(["vocab_size"] if self.tokenizer is not None else []))

    def unread(self) -> tuple[str, ...]:
        """What neither the head nor the factorisation of pictures reads, and no text is written by."""
        with torch.device("meta"):
            picture = self.picture()
        reads = WRITING | picture.head.reads | picture.factorise.reads
        return tuple(f"sampling.{one.name}" for one in fields(Sampling) if one.name not in reads)

    def stages(self, seed: int) -> list[Stage]:
        return [self.codec_stage(seed), self.model_stage(seed)]

    def drawing_codec(self, model: Model) -> PictureCodec:
        """What decodes the pictures that the model draws: its codec, unless a recipe's codec holds several."""
        codec = model.modality(IMAGE).codec
        assert isinstance(codec, PictureCodec)
        return codec

    def codec_stage(self, seed: int) -> Stage:
        """Reconstruction of training pictures; then the statistics of their values are measured."""

        def measure(model: Model, corpus: Corpus) -> None:
            pixels = sample_pixels(corpus, 4096, seed).to(model.device)
            self.drawing_codec(model).measure(pixels, document_rng(seed, 0))

        return Stage(
            "codec",
            self.codec_share,
            replace(self.codec_training, seed=seed),
            lambda model, corpus: TrainCodec(self.drawing_codec(model), corpus, batch=self.codec_batch, seed=seed),
            measure,
        )

    def model_stage(self, seed: int) -> Stage:
        """Every modality's loss over packed documents."""
        return self.joint_stage("model", 1 - self.codec_share, replace(self.training, seed=seed))

    def joint_stage(
        self,
        name: str,
        share: float,
        settings: TrainSettings,
        learned: Callable[[Model], Iterable[nn.Module]] = Model.learned,
    ) -> Stage:
        """A stage over packed documents that trains some parts of the model."""
        return Stage(
            name,
            share,
            settings,
            lambda model, corpus: TrainJointly(
                model,
                corpus,
                Mixture(
                    rows=self.rows,
                    length=self.row_length,
                    text_first=self.text_first,
                    balance=(self.balance, self.describing_balance),
                    describing=self.describing(),
                    condition_dropout=self.condition_dropout,
                ),
                sampling=self.sampling,
                seed=settings.seed,
                learned=learned(model),
            ),
        )
