"""Emu: a picture as a few features, regressed one by one (Sun et al. 2023, arXiv 2307.05222).

PUMA with one scale. An understanding encoder's features, mean-pooled over squares of patches as in Emu2 (2312.13286),
are read and written in raster order; a diffusion decoder draws pictures from them. Emu's own way to few tokens, a
causal transformer with learned queries, is left out.

    loss = cross-entropy(text) + image_weight * mean squared error(features)
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
from motet.train.settings import TrainSettings


@dataclass(frozen=True)
class Emu(FeaturePictures):
    """The knobs of Emu."""

    paper: ClassVar[str] = "Emu, arXiv 2307.05222"
    summary: ClassVar[str] = "features of the understanding encoder at one scale, by regression; a decoder draws"
    sizes: ClassVar[Mapping[str, Recipe]]

    factor: int = field(default=2, metadata={"help": "by how much the grid of features is pooled"})
    backbone: TransformerShape = TransformerShape(n_layers=8, rope_axes=(32, 0, 16, 16), qk_norm=True)

    def order(self) -> CoarseToFine:
        return CoarseToFine(Scales((self.factor,)), (1.0,), doubt=self.doubt)


TINY = tiny(
    Emu(
        factor=1,
        features=FeaturesShape(patch=8, dim=16, n_layers=1, n_heads=2),
        decoder=FeatureDecoderShape(dim=32, n_layers=1, n_heads=2, steps=4),
        doubt=0.0,
        contrast_batch=16,
        codec_batch=16,
    )
)

STUDY = Emu(
    image_size=SIDE,
    features=FeaturesShape(patch=4),
    backbone=backbone(6, rope_axes=(24, 8, 16, 16)),
    doubt=0.0,
    text_first=TEXT_FIRST,
)

PAPER = Emu(  # EVA-CLIP-g/14 at 224 pixels, LLaMA 13B; 64 tokens a picture as in Emu2, where Emu has 32
    image_size=224,
    vocab_size=32_000,
    features=FeaturesShape(patch=14, dim=1408, n_layers=40, n_heads=16),
    decoder=FeatureDecoderShape(dim=1152, n_layers=28, n_heads=16, steps=50, guidance=7.5),
    backbone=TransformerShape(dim=5120, n_layers=40, n_heads=40, ffn_dim=13_824),
    doubt=0.0,
    rows=128,
    row_length=2048,
    contrast_batch=32_768,
    codec_batch=1024,
    codec_dropout=0.1,
    training=TrainSettings(lr=1e-4, optimizer="adamw", ema=0.9999, clip=5.0),
    codec_training=TrainSettings(lr=1e-4, optimizer="adamw", ema=0.9999),
)

Emu.sizes = {"tiny": TINY, "study": STUDY, "small": Emu(), "paper": PAPER}
