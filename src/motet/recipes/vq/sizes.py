"""VQ's sizes: for tests, for comparisons, for minutes, and LlamaGen's."""

from motet.codecs.vq import VqShape
from motet.nn.backbone import TransformerShape
from motet.recipes.paper_sizes import resized
from motet.recipes.study import CODES, CODES_BATCH, SIDE, TEXT_FIRST, backbone
from motet.recipes.tiny import TINY_BATCH, TINY_CODES, tiny
from motet.recipes.vq.recipe import VQTokens
from motet.request import Sampling
from motet.train.settings import TrainSettings

TINY = tiny(
    VQTokens(
        codec=TINY_CODES,
        codec_batch=TINY_BATCH,
    )
)

STUDY = VQTokens(
    image_size=SIDE,
    codec=CODES,
    codec_batch=CODES_BATCH,
    backbone=backbone(6),
    text_first=TEXT_FIRST,
    rows=16,
    row_length=256,
    sampling=Sampling(guidance=1.5),
)

PAPER = VQTokens(  # LlamaGen-XL: 36 blocks of width 1280, 256-pixel pictures as 16 x 16 of 16,384 codes
    image_size=256,
    vocab_size=32_000,
    codec=VqShape(patch=16, codebook_size=16_384, code_dim=8, dim=768, n_layers=12, n_heads=12),
    backbone=TransformerShape(dim=1280, n_layers=36, n_heads=20, ffn_dim=3584, rope_axes=(32, 0, 16, 16), qk_norm=True),
    rows=256,
    row_length=1280,
    codec_batch=128,
    codec_training=TrainSettings(lr=1e-4, warmup=0, floor=1.0, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.05),
    training=TrainSettings(
        lr=1e-4, warmup=0, floor=1.0, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.05, ema=0.9999
    ),
    sampling=Sampling(guidance=1.75),
)

VQTokens.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": VQTokens(),
    "paper": PAPER,
    "paper-b": resized(PAPER, dim=768, n_layers=12, n_heads=12, ffn_dim=2048),
    "paper-l": resized(PAPER, dim=1024, n_layers=24, n_heads=16, ffn_dim=2816),
    "paper-xxl": resized(PAPER, dim=1536, n_layers=48, n_heads=24, ffn_dim=4096),
    "paper-3b": resized(PAPER, dim=3200, n_layers=24, n_heads=32, ffn_dim=8704),
}
