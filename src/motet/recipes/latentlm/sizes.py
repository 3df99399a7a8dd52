"""LatentLM's sizes: for tests, for comparisons, for minutes, and the paper's."""

from dataclasses import replace

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.heads.diffusion import DiffusionShape
from motet.nn.backbone import TransformerShape
from motet.recipes.latentlm.recipe import LatentLM
from motet.recipes.paper_sizes import resized
from motet.recipes.study import HEAD, LATENTS, LATENTS_BATCH, SIDE, TEXT_FIRST, backbone
from motet.recipes.tiny import TINY_BATCH, TINY_HEAD, TINY_LATENTS, tiny
from motet.request import Sampling
from motet.train.settings import TrainSettings

TINY = tiny(
    LatentLM(
        codec=TINY_LATENTS,
        head=TINY_HEAD,
        doubt=0.0,
        codec_batch=TINY_BATCH,
    )
)

STUDY = LatentLM(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    backbone=backbone(4),
    head=HEAD,
    doubt=0.0,
    text_first=TEXT_FIRST,
    sampling=Sampling(guidance=3.0),
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
    codec_training=TrainSettings(lr=3e-4, optimizer="adamw", weight_decay=0.0, ema=0.9999),
    training=TrainSettings(lr=3e-4, warmup=500, optimizer="adamw", betas=(0.9, 0.98), weight_decay=0.01, ema=0.9999),
    sampling=Sampling(guidance=1.65, steps=20),
)


def _of_pictures(dim: int, n_layers: int, n_heads: int, ffn_dim: int, head_layers: int) -> LatentLM:
    """One of the paper's models of ImageNet: backbone and head are of one width, and 2,048 pictures are a batch.

    All else is PAPER's.
    """
    head = replace(PAPER.head, width=dim, n_layers=head_layers, ffn_dim=ffn_dim)
    training = replace(PAPER.training, lr=5e-4, warmup=100)
    return resized(
        PAPER, dim=dim, n_layers=n_layers, n_heads=n_heads, ffn_dim=ffn_dim, head=head, training=training, rows=128
    )


LatentLM.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": LatentLM(),
    "paper": PAPER,
    "paper-b": _of_pictures(768, 24, 12, 2048, 6),
    "paper-l": _of_pictures(1024, 32, 16, 2688, 8),
    "paper-h": _of_pictures(1280, 40, 20, 3392, 12),
    "paper-medium": _of_pictures(1024, 24, 16, 4096, 3),
    "paper-large": _of_pictures(1536, 24, 12, 6144, 3),
    "paper-xl": _of_pictures(2048, 24, 16, 8192, 3),
    "paper-3b": _of_pictures(2560, 32, 20, 10_240, 3),
}
