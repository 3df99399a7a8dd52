"""Transfusion's sizes: for tests, for comparisons, for minutes, and the paper's."""

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.factorise.next_block import Noising
from motet.nn.backbone import TransformerShape
from motet.recipes.paper_sizes import resized
from motet.recipes.study import LATENTS, LATENTS_BATCH, SIDE, TEXT_FIRST, backbone
from motet.recipes.tiny import TINY_BATCH, TINY_LATENTS, tiny
from motet.recipes.transfusion.recipe import Transfusion
from motet.request import Sampling
from motet.train.settings import TrainSettings

TINY = tiny(
    Transfusion(
        codec=TINY_LATENTS,
        codec_batch=TINY_BATCH,
    )
)

STUDY = Transfusion(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    backbone=backbone(6),
    noising=Noising(draws=4),
    text_first=TEXT_FIRST,
    rows=32,
    row_length=128,
    sampling=Sampling(guidance=2.0, steps=20),
)

PAPER = Transfusion(  # the 7B model; 256-pixel pictures, 256 tokens of 2 x 2 x 8 numbers, DDPM's epsilon and 250 steps
    image_size=256,
    vocab_size=32_000,
    codec=SigmaVaeShape(patch=8, channels=8, dim=768, n_layers=12, n_heads=12, noise="learned", sigma=0.1),
    merge=2,
    backbone=TransformerShape(dim=4096, n_layers=32, n_heads=32, ffn_dim=11008),
    noising=Noising(target="epsilon", path="cosine", start=0.001),
    noise_cap=0.5,
    text_first=0.8,
    rows=512,
    row_length=4096,
    training=TrainSettings(lr=3e-4, warmup=4000, floor=0.05, optimizer="adamw", weight_decay=0.1),
    sampling=Sampling(guidance=5.0, steps=250, solver="ancestral"),
)

Transfusion.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": Transfusion(),
    "paper": PAPER,
    "paper-0.16b": resized(PAPER, dim=768, n_layers=16, n_heads=12, ffn_dim=2048),
    "paper-0.37b": resized(PAPER, dim=1024, n_layers=24, n_heads=16, ffn_dim=2816),
    "paper-0.76b": resized(PAPER, dim=1536, n_layers=24, n_heads=24, ffn_dim=4096),
    "paper-1.4b": resized(PAPER, dim=2048, n_layers=24, n_heads=16, ffn_dim=5632),
}
