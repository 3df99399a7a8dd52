"""Janus' sizes: for tests, for comparisons, for minutes, the paper's, and Janus-Pro's."""

from dataclasses import replace

from motet.codecs.features import FeaturesShape
from motet.codecs.semantic_vq import SemanticShape
from motet.codecs.sigma_vae import SigmaVaeShape
from motet.codecs.vq import VqShape
from motet.heads.diffusion import DiffusionShape
from motet.nn.backbone import TransformerShape
from motet.recipes.janus.recipe import Janus
from motet.recipes.paper_sizes import resized
from motet.recipes.study import CODES, CODES_BATCH, SIDE, TEXT_FIRST, backbone
from motet.recipes.tiny import TINY_BATCH, TINY_CODES, TINY_HEAD, TINY_LATENTS, tiny
from motet.request import Sampling
from motet.train.settings import TrainSettings

TINY = tiny(
    Janus(
        features=FeaturesShape(patch=8, dim=16, n_layers=1, n_heads=2),
        vq=TINY_CODES,
        codec=replace(TINY_LATENTS, sigma=0.1),
        semantic=SemanticShape(dim=16, n_layers=1, n_heads=2),
        head=TINY_HEAD,
        doubt=0.0,
        codec_batch=TINY_BATCH,
        contrast_batch=4,
        codec_share=0.1,
        contrast_share=0.1,
        adaptor_share=0.1,
        tuning_share=0.5,
    )
)

STUDY = Janus(
    image_size=SIDE,
    vq=CODES,
    codec_batch=CODES_BATCH,
    features=FeaturesShape(patch=4),
    backbone=backbone(6),
    doubt=0.0,
    text_first=TEXT_FIRST,
    rows=16,
    row_length=256,
    sampling=Sampling(guidance=1.5),
)

PAPER = Janus(  # Janus 1.3B: a LLaMA of 24 blocks, 384-pixel pictures as 24 x 24 tokens, SigLIP-L/16 and VQ-16
    image_size=384,
    vocab_size=102_400,
    features=FeaturesShape(patch=16, dim=1024, n_layers=24, n_heads=16),
    vq=VqShape(patch=16, codebook_size=16_384, code_dim=8, dim=768, n_layers=12, n_heads=12),
    codec=SigmaVaeShape(patch=16, channels=16, dim=768, n_layers=12, n_heads=12),
    backbone=TransformerShape(dim=2048, n_layers=24, n_heads=16, ffn_dim=5632),
    head=DiffusionShape(width=2048, n_layers=6, ffn_dim=6144),
    semantic=SemanticShape(dim=768, n_layers=12, n_heads=12),
    doubt=0.0,
    rows=512,
    row_length=4096,
    text_first=5 / 7,  # the second stage draws five pictures for two that it reads
    adaptor_share=0.03,
    tuning_share=0.06,
    contrast_batch=32_768,
    codec_batch=128,
    codec_training=TrainSettings(lr=1e-4, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.05),
    adaptor_training=TrainSettings(
        lr=1e-3, warmup=300, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.0, ema=0.9999
    ),
    training=TrainSettings(
        lr=1e-4, warmup=5000, floor=1.0, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.0, ema=0.9999
    ),
    tuning_training=TrainSettings(
        lr=2e-5, warmup=0, floor=1.0, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.1, ema=0.9999
    ),
    sampling=Sampling(guidance=5.0),
)

Janus.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": Janus(),
    "paper": PAPER,
    "paper-pro-7b": resized(  # Janus-Pro's blocks; encoders and stages are those of Janus
        PAPER,
        dim=4096,
        n_layers=30,
        n_heads=32,
        ffn_dim=11_008,
        head=replace(PAPER.head, width=4096, ffn_dim=12_288),
    ),
}
