"""VQ: pictures as one of K codes a patch, predicted like words (LlamaGen, arXiv 2406.06525; Chameleon, 2405.09818).

A codec quantises each patch to the nearest entry of a codebook. The codes stand in one sequence with text, and a
softmax over the codebook predicts the next one. From Chameleon come the norm on queries and keys, without which mixed
sequences diverge, and the z-loss, which keeps logits from drifting; from LlamaGen the low-dimensional, normalised
codebook, guidance on the logits, and sampling at full temperature with the tail cut or left.

    loss = cross-entropy(text) + image_weight * (cross-entropy(codes) + z_loss * log(Z)^2)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from motet.bounds import check_bounds
from motet.codecs.vq import VQ, VqShape
from motet.embed.lookup import Lookup
from motet.factorise.next_token import NextToken
from motet.heads.categorical import Categorical
from motet.model import Modality
from motet.nn.backbone import TransformerShape
from motet.recipes.paper_sizes import resized
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.recipes.study import CODES, CODES_BATCH, SIDE, TEXT_FIRST, backbone
from motet.request import Sampling
from motet.train.settings import TrainSettings


@dataclass(frozen=True)
class VQTokens(PictureRecipe):
    """The knobs of next-code prediction."""

    paper: ClassVar[str] = "LlamaGen, arXiv 2406.06525; Chameleon, arXiv 2405.09818"
    summary: ClassVar[str] = "pictures as codes of a codebook, each predicted like a word"
    sizes: ClassVar[Mapping[str, Recipe]]

    codec: VqShape = VqShape(patch=6)
    z_loss: float = field(default=1e-5, metadata={"help": "weight of the squared log of the softmax's sum (Chameleon)"})
    rows: int = field(default=24, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=192, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=3.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "z_loss", low=0)

    def picture(self) -> Modality:
        dim, size = self.backbone.dim, self.codec.codebook_size
        return Modality(
            codec=VQ(self.codec),
            embed=Lookup(size, dim),
            factorise=NextToken(),
            head=Categorical(dim, size, z_loss=self.z_loss),
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(self.codec.patch),
        )


TINY = VQTokens(
    image_size=16,
    vocab_size=320,
    codec=VqShape(patch=8, codebook_size=16, code_dim=4, dim=32, n_layers=1, n_heads=2),
    backbone=TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True),
    rows=8,
    row_length=64,
    codec_batch=32,
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
    codec_training=TrainSettings(lr=1e-4, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.05),
    training=TrainSettings(
        lr=1e-4, schedule="wsd", warmup=0, optimizer="adamw", betas=(0.9, 0.95), weight_decay=0.05, ema=0.9999
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
