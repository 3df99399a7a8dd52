"""ACDiT's sizes: for tests, for comparisons, for minutes, and the paper's."""

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.factorise.next_block import Noising
from motet.nn.backbone import TransformerShape
from motet.recipes.acdit.recipe import ACDiT
from motet.recipes.paper_sizes import resized
from motet.recipes.study import LATENTS, LATENTS_BATCH, SIDE, TEXT_FIRST, backbone
from motet.recipes.tiny import TINY_BATCH, TINY_LATENTS, tiny
from motet.request import Sampling
from motet.train.settings import TrainSettings

TINY = tiny(
    ACDiT(
        codec=TINY_LATENTS,
        block=2,
        codec_batch=TINY_BATCH,
    )
)

STUDY = ACDiT(
    image_size=SIDE,
    codec=LATENTS,
    codec_batch=LATENTS_BATCH,
    backbone=backbone(4),
    block=4,
    noising=Noising(draws=2),
    text_first=TEXT_FIRST,
    rows=32,
    row_length=128,
    sampling=Sampling(guidance=2.0, steps=20),
)

PAPER = ACDiT(  # ACDiT-XL on 256-pixel pictures: 32 x 32 latents of 4 channels in four blocks
    image_size=256,
    vocab_size=32_000,
    codec=SigmaVaeShape(patch=8, channels=4, dim=768, n_layers=12, n_heads=12, noise="learned", sigma=0.1),
    backbone=TransformerShape(
        dim=1152, n_layers=28, n_heads=18, ffn_dim=3072, rope_theta=100.0, rope_axes=(32, 0, 16, 16), qk_norm=True
    ),
    block=256,
    condition="class",
    noising=Noising(target="epsilon", path="cosine", start=0.05),
    rows=1024,
    row_length=2304,
    training=TrainSettings(
        lr=3e-4, warmup=0, schedule="wsd", cooldown=0.15, floor=1 / 64, optimizer="adamw", weight_decay=0.0, ema=0.9999
    ),
    sampling=Sampling(guidance=1.5, steps=25),
)

ACDiT.sizes = {
    "tiny": TINY,
    "study": STUDY,
    "small": ACDiT(),
    "paper": PAPER,
    "paper-b": resized(PAPER, dim=768, n_layers=12, n_heads=12, ffn_dim=2048),
    "paper-l": resized(PAPER, dim=1024, n_layers=24, n_heads=16, ffn_dim=2688),
    "paper-h": resized(PAPER, dim=1280, n_layers=32, n_heads=20, ffn_dim=3392),
}
