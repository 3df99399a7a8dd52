"""LatentLM: next-token diffusion (Sun et al. 2024, arXiv 2412.08635).

One causal transformer reads text ids and continuous latents in one sequence. At a text position a softmax picks the
next id; before a latent a small diffusion head, conditioned on that one hidden state, draws it, and it is fed back as
the next input. The latents come from a sigma-VAE, whose noise is set by hand, so that errors of the sequence do not
grow.

    loss = cross-entropy(text) + image_weight * mean squared error(flow of each latent, 4 draws each)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from torch import nn

from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.text import TextCodec
from motet.data.corpus import Corpus
from motet.data.loader import document_rng
from motet.errors import ConfigError
from motet.factorise.next_token import NextToken
from motet.heads.categorical import Categorical
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.model import TEXT, Modality, Model
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.hide import Strangers
from motet.recipes.recipe import Recipe, Stage
from motet.recipes.train_codec import TrainCodec, sample_pixels
from motet.recipes.train_joint import TrainJointly
from motet.request import Sampling
from motet.train.settings import TrainSettings

IMAGE = "image"


@dataclass(frozen=True)
class LatentLM(Recipe):
    """The knobs of LatentLM."""

    paper: ClassVar[str] = "LatentLM, arXiv 2412.08635"
    summary: ClassVar[str] = "next-token diffusion: text by a softmax, sigma-VAE latents by a diffusion head"
    sizes: ClassVar[Mapping[str, Recipe]]

    image_size: int = field(default=48, metadata={"help": "pixels along a side of a picture"})
    vocab_size: int = field(default=1024, metadata={"help": "ids of the BPE that is trained on the data"})
    tokenizer: str | None = field(default=None, metadata={"help": "a tokenizer.json to use instead of training one"})
    codec: SigmaVaeShape = SigmaVaeShape(patch=12, channels=96)
    backbone: TransformerShape = TransformerShape(rope_axes=(32, 0, 16, 16), qk_norm=True)
    head: DiffusionShape = DiffusionShape(shift=3.0)
    image_weight: float = field(default=4.0, metadata={"help": "weight of the latents' loss beside the text's"})
    doubt: float = field(
        default=0.8,
        metadata={"help": "most of a picture's earlier latents that training shows as another picture's (paper: 0)"},
    )
    condition_dropout: float = field(default=0.1, metadata={"help": "share of pictures trained without their prompt"})
    text_first: float = field(
        default=0.5, metadata={"help": "share of pairs with the text first; the rest: picture first"}
    )
    balance: float = field(
        default=0.5, metadata={"help": "0: documents equally often; 1: groups of variants equally often"}
    )
    rows: int = field(default=32, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=128, metadata={"help": "tokens in a row"})
    codec_batch: int = field(default=256, metadata={"help": "pictures in a batch of the codec's stage"})
    codec_share: float = field(
        default=0.25, metadata={"help": "share of the run's budget that the codec's stage takes"}
    )
    codec_training: TrainSettings = TrainSettings(lr=8e-3, weight_decay=0.0, ema=0.99, floor=0.03)
    training: TrainSettings = TrainSettings(lr=1e-2, ema=0.995, floor=0.03, preview_at=(0.05, 0.25, 0.5, 0.75, 1.0))
    sampling: Sampling = Sampling(guidance=2.0, temperature=0.5)

    def __post_init__(self) -> None:
        if self.image_size % self.codec.patch:
            raise ConfigError(
                f"image_size {self.image_size} does not divide into patches of {self.codec.patch} (codec.patch)"
            )
        if not 0 < self.codec_share < 1:
            raise ConfigError(f"codec_share is {self.codec_share}; it is a share of the budget between 0 and 1")

    def build(self, text: TextCodec) -> Model:
        dim, channels = self.backbone.dim, self.codec.channels
        side = self.image_size // self.codec.patch
        words = nn.Embedding(text.vocab_size, dim)
        nn.init.normal_(words.weight, std=0.02)
        modalities = {
            TEXT: Modality(codec=text, embed=words, factorise=NextToken(), head=Categorical(dim, text.vocab_size)),
            IMAGE: Modality(
                codec=SigmaVAE(self.codec),
                embed=nn.Linear(channels, dim),
                factorise=NextToken(doubt=self.doubt),
                hide=Strangers() if self.doubt else None,
                head=Diffusion(dim, channels, self.head),
                weight=self.image_weight,
                size=(self.image_size, self.image_size),
                grid=(side, side),
            ),
        }
        return Model(Backbone.plain(self.backbone), modalities)

    def text_codec(self, corpus: Corpus) -> TextCodec:
        if self.tokenizer is not None:
            return TextCodec.load(self.tokenizer, modalities=[IMAGE])
        return TextCodec.learn(corpus.train.texts, self.vocab_size, [IMAGE])

    def open_text(self, tokenizer: Path) -> TextCodec:
        return TextCodec.load(tokenizer, modalities=[IMAGE])

    def stages(self, seed: int) -> list[Stage]:
        def codec_of(model: Model) -> SigmaVAE:
            codec = model.modality(IMAGE).codec
            assert isinstance(codec, SigmaVAE)
            return codec

        def measure(model: Model, corpus: Corpus) -> None:
            pixels = sample_pixels(corpus, 4096, seed).to(model.device)
            codec_of(model).measure(pixels, document_rng(seed, 0))

        return [
            Stage(
                "codec",
                self.codec_share,
                replace(self.codec_training, seed=seed),
                lambda model, corpus: TrainCodec(codec_of(model), corpus, batch=self.codec_batch, seed=seed),
                measure,
            ),
            Stage(
                "model",
                1 - self.codec_share,
                replace(self.training, seed=seed),
                lambda model, corpus: TrainJointly(
                    model,
                    corpus,
                    rows=self.rows,
                    length=self.row_length,
                    balance=self.balance,
                    text_first_share=self.text_first,
                    condition_dropout=self.condition_dropout,
                    sampling=self.sampling,
                    seed=seed,
                ),
            ),
        ]


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
    training=TrainSettings(lr=3e-4, warmup=500, optimizer="adamw", betas=(0.9, 0.98), ema=0.9999),
)

LatentLM.sizes = {"tiny": TINY, "small": LatentLM(), "paper": PAPER}
