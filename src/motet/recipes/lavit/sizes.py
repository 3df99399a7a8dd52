"""LaVIT's sizes: for tests, for comparisons, for minutes, and the paper's."""

from motet.codecs.dynamic import DynamicShape
from motet.nn.backbone import TransformerShape
from motet.recipes.lavit.recipe import LaVIT
from motet.recipes.study import CODES_BATCH, SIDE, TEXT_FIRST, backbone
from motet.recipes.tiny import TINY_BATCH, tiny
from motet.request import Sampling
from motet.train.settings import TrainSettings

TINY = tiny(
    LaVIT(
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
        codec_batch=TINY_BATCH,
    )
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
    predicts_read=True,
    rows=512,
    row_length=2048,
    codec_batch=2048,
    training=TrainSettings(lr=5e-5, optimizer="adamw", betas=(0.9, 0.95), ema=0.9999),
    sampling=Sampling(guidance=4.0, top_k=50),
)

LaVIT.sizes = {"tiny": TINY, "study": STUDY, "small": LaVIT(), "paper": PAPER}
