"""PUMA: pictures as a pyramid of features, coarse to fine (Fang et al. 2024, arXiv 2410.13861).

An understanding encoder's features, pooled to 1, 4, 16 ... tokens, stand in the sequence from the coarsest scale to the
finest. The same features are read and written, and each is predicted from all before it by plain regression. A
diffusion decoder draws pictures from any scale: from one token many different ones, from the finest nearly the encoded
one.

    loss = cross-entropy(text) + image_weight * sum_i alpha_i sum_j |f_ij - f^_ij|^2 / sum_i alpha_i n_i
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from motet.codecs.feature_decoder import FeatureDecoderShape
from motet.codecs.features import FeaturesShape
from motet.codecs.scales import Scales
from motet.factorise.coarse_to_fine import CoarseToFine
from motet.nn.backbone import TransformerShape
from motet.recipes.feature_pictures import FeaturePictures
from motet.recipes.recipe import Recipe
from motet.recipes.study import SIDE, TEXT_FIRST, backbone
from motet.recipes.tiny import tiny
from motet.request import Sampling
from motet.train.settings import TrainSettings


@dataclass(frozen=True)
class PUMA(FeaturePictures):
    """The knobs of PUMA."""

    paper: ClassVar[str] = "PUMA, arXiv 2410.13861"
    summary: ClassVar[str] = "features of the understanding encoder, coarse to fine by regression; each scale is drawn"
    sizes: ClassVar[Mapping[str, Recipe]]

    factors: tuple[int, ...] = field(
        default=(8, 4, 2, 1), metadata={"help": "by how much the grid of features is pooled for each scale"}
    )
    alphas: tuple[float, ...] = field(
        default=(128.0, 64.0, 8.0, 1.0), metadata={"help": "weight of the error of a token of each scale"}
    )
    backbone: TransformerShape = TransformerShape(n_layers=8, rope_axes=(24, 8, 16, 16), qk_norm=True)
    rows: int = field(default=20, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=224, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=1.0, scales=3)

    def order(self) -> CoarseToFine:
        return CoarseToFine(Scales(self.factors), self.alphas, doubt=self.doubt)


TINY = tiny(
    PUMA(
        factors=(2, 1),
        alphas=(8.0, 1.0),
        features=FeaturesShape(patch=8, dim=16, n_layers=1, n_heads=2),
        decoder=FeatureDecoderShape(dim=32, n_layers=1, n_heads=2, steps=4),
        doubt=0.0,
        contrast_batch=16,
        codec_batch=16,
        sampling=Sampling(guidance=1.0),
    )
)

STUDY = PUMA(
    image_size=SIDE,
    features=FeaturesShape(patch=4),
    backbone=backbone(6, rope_axes=(24, 8, 16, 16)),
    doubt=0.0,
    text_first=TEXT_FIRST,
)

PAPER = PUMA(  # CLIP-L/14 at 224 pixels, Llama 3 8B, 1 + 4 + 16 + 64 + 256 tokens; one drawer stands for five SDXLs
    image_size=224,
    vocab_size=128_256,
    factors=(16, 8, 4, 2, 1),
    alphas=(1024.0, 512.0, 64.0, 8.0, 1.0),
    features=FeaturesShape(patch=14, dim=1024, n_layers=24, n_heads=16),
    decoder=FeatureDecoderShape(dim=2048, n_layers=32, n_heads=32, steps=50, solver="ancestral", guidance=2.0),
    backbone=TransformerShape(
        dim=4096, n_layers=32, n_heads=32, n_kv_heads=8, ffn_dim=14_336, rope_theta=500_000.0, norm_eps=1e-5
    ),
    image_weight=50.0,
    doubt=0.0,
    rows=512,
    row_length=2048,
    contrast_batch=32_768,
    codec_batch=1024,
    codec_dropout=0.1,
    training=TrainSettings(lr=3e-5, warmup=2000, optimizer="adamw", ema=0.9999, clip=5.0),
    codec_training=TrainSettings(lr=8e-5, schedule="wsd", cooldown=1.0, floor=0.0, optimizer="adamw", ema=0.9999),
    sampling=Sampling(guidance=1.0, scales=3),
)

PUMA.sizes = {"tiny": TINY, "study": STUDY, "small": PUMA(), "paper": PAPER}
