"""The size of tests: 16-pixel pictures of four tokens and two blocks of 32 channels, trained in seconds.

Recipes share what is here, and say what else of theirs has to be small.
"""

from dataclasses import replace
from typing import TypeVar

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.codecs.vq import VqShape
from motet.heads.diffusion import DiffusionShape
from motet.nn.backbone import TransformerShape
from motet.recipes.pictures import PictureRecipe

R = TypeVar("R", bound=PictureRecipe)

TINY_LATENTS = SigmaVaeShape(patch=8, channels=8, dim=32, n_layers=1, n_heads=2)
TINY_CODES = VqShape(patch=8, codebook_size=16, code_dim=4, dim=32, n_layers=1, n_heads=2)
TINY_HEAD = DiffusionShape(width=32, n_layers=2, ffn_dim=64)
TINY_BATCH = 32
"""Pictures in a batch of a codec's stage."""


def tiny(recipe: R) -> R:
    """The recipe at the tiny size of its pictures, words, backbone and rows; codec and head are left to the caller."""
    shape = TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4), qk_norm=True)
    return replace(recipe, image_size=16, vocab_size=320, backbone=shape, rows=8, row_length=64)
