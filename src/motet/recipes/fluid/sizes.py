"""Fluid's sizes: for tests, for comparisons, for minutes, and the paper's."""

from dataclasses import replace

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.codecs.vq import VqShape
from motet.heads.diffusion import DiffusionShape
from motet.nn.backbone import TransformerShape
from motet.recipes.fluid.recipe import Fluid
from motet.recipes.paper_sizes import resized
from motet.recipes.study import CODES, HEAD, LATENTS, LATENTS_BATCH, MASKING, SIDE, TEXT_FIRST, backbone
from motet.recipes.tiny import TINY_BATCH, TINY_CODES, TINY_HEAD, TINY_LATENTS, tiny
from motet.request import Sampling
from motet.train.settings import TrainSettings

TINY = tiny(
    Fluid(
        codec=replace(TINY_LATENTS, sigma=0.1),
        vq=TINY_CODES,
        head=TINY_HEAD,
        codec_batch=TINY_BATCH,
    )
)

STUDY = Fluid(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    vq=CODES,
    backbone=backbone(4),
    head=HEAD,
    masking=MASKING,
    text_first=TEXT_FIRST,
    rows=16,
    row_length=256,  # codes are four times as many as latents, and twice in a document
)

PAPER = Fluid(  # Fluid 1.1B: 24 blocks of width 1536, a 6-layer head, 256-pixel pictures as 16 x 16 tokens
    image_size=256,
    vocab_size=32_128,
    codec=SigmaVaeShape(patch=16, channels=16, dim=768, n_layers=12, n_heads=12, noise="learned", mean_weight=1e-6),
    vq=VqShape(patch=16, codebook_size=8192, code_dim=8, dim=768, n_layers=12, n_heads=12),
    backbone=TransformerShape(dim=1536, n_layers=24, n_heads=16, ffn_dim=4096, rope_axes=(48, 0, 24, 24), qk_norm=True),
    head=DiffusionShape(width=1536, n_layers=6, ffn_dim=1536, target="epsilon", path="cosine", start=0.001),
    rows=512,
    row_length=1280,
    training=TrainSettings(
        lr=1e-4, warmup=65_000, floor=1.0, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.02, ema=0.9999
    ),
    sampling=Sampling(
        guidance=5.0, guidance_schedule="linear", rounds=64, steps=100, solver="ancestral", temperature=0.975
    ),
)


def _of_table(dim: int, n_layers: int, n_heads: int, ffn_dim: int) -> Fluid:
    """A row of the paper's table. Without its cross-attention to T5 a quarter to a third of the parameters is missing.

    The width of the head, the backbone's, is our assumption.
    """
    head = replace(PAPER.head, width=dim, ffn_dim=dim)
    return resized(PAPER, dim=dim, n_layers=n_layers, n_heads=n_heads, ffn_dim=ffn_dim, head=head)


Fluid.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": Fluid(),
    "paper": PAPER,
    "paper-166m": _of_table(768, 12, 12, 2048),
    "paper-369m": _of_table(1024, 16, 16, 2752),
    "paper-665m": _of_table(1280, 20, 16, 3456),
    "paper-3.1b": _of_table(2304, 32, 24, 6144),
    "paper-10.5b": _of_table(4096, 34, 64, 10_944),
}
