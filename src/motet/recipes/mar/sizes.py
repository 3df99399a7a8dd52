"""MAR's sizes: for tests, for comparisons, for minutes, and the paper's."""

from dataclasses import replace

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.heads.diffusion import DiffusionShape
from motet.nn.backbone import TransformerShape
from motet.recipes.mar.recipe import MAR
from motet.recipes.paper_sizes import resized
from motet.recipes.study import HEAD, LATENTS, LATENTS_BATCH, MASKING, SIDE, TEXT_FIRST, backbone
from motet.recipes.tiny import TINY_BATCH, TINY_HEAD, TINY_LATENTS, tiny
from motet.request import Sampling
from motet.train.settings import TrainSettings

TINY = tiny(
    MAR(
        codec=replace(TINY_LATENTS, sigma=0.1),
        head=TINY_HEAD,
        encoder_layers=1,
        codec_batch=TINY_BATCH,
    )
)

STUDY = MAR(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    backbone=backbone(4),
    head=HEAD,
    encoder_layers=2,
    masking=MASKING,
    text_first=TEXT_FIRST,
    rows=32,
    row_length=128,
)

PAPER = MAR(  # MAR-L of table 4: 16 + 16 blocks, an 8-layer head, 256-pixel pictures as 16 x 16 latents of 16 channels
    image_size=256,
    codec=SigmaVaeShape(patch=16, channels=16, dim=768, n_layers=12, n_heads=12, noise="learned", mean_weight=1e-6),
    backbone=TransformerShape(dim=1024, n_layers=32, n_heads=16, ffn_dim=2752, rope_axes=(32, 0, 16, 16), qk_norm=True),
    head=DiffusionShape(width=1280, n_layers=8, ffn_dim=853, target="epsilon", path="cosine", start=0.001),
    encoder_layers=16,
    rows=512,
    row_length=1280,
    training=TrainSettings(  # the warm-up is 100 epochs of ImageNet
        lr=8e-4,
        warmup=62_500,
        floor=1.0,
        optimizer="adamw",
        betas=(0.9, 0.95),
        weight_decay=0.02,
        clip=3.0,
        ema=0.9999,
    ),
    sampling=Sampling(guidance=3.0, guidance_schedule="linear", rounds=64, steps=100, solver="ancestral"),
)


def _of_table(dim: int, n_layers: int, n_heads: int, ffn_dim: int, head: DiffusionShape, guidance: float) -> MAR:
    """A row of the paper's table; one half of the blocks is the encoder."""
    sampling = replace(PAPER.sampling, guidance=guidance)
    half = n_layers // 2
    return resized(
        PAPER,
        dim=dim,
        n_layers=n_layers,
        n_heads=n_heads,
        ffn_dim=ffn_dim,
        encoder_layers=half,
        head=head,
        sampling=sampling,
    )


MAR.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": MAR(),
    "paper": PAPER,
    "paper-b": _of_table(768, 24, 12, 2048, replace(PAPER.head, width=1024, n_layers=6, ffn_dim=683), 2.9),
    "paper-h": _of_table(1280, 40, 16, 3456, replace(PAPER.head, width=1536, n_layers=12, ffn_dim=1024), 3.2),
}
