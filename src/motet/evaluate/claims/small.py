"""The small setting that claims about recipes share: 32-pixel scenes, codecs of a minute, two million parameters.

Recipes keep their own way of training and drawing; sizes, data and the way of judging are the same for all.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.evaluate.claims.claim import Scale
from motet.evaluate.compare.plan import Measuring
from motet.heads.diffusion import DiffusionShape
from motet.nn.backbone import TransformerShape
from motet.recipes.pictures import PictureRecipe
from motet.train.settings import Budget

R = TypeVar("R", bound=PictureRecipe)

SIDE = 32
PATCH = 8
SEEDS: Mapping[Scale, tuple[int, ...]] = {"full": (0, 1, 2), "quick": (0,)}
DATA: Mapping[Scale, str] = {"full": f"scenes:level=1-2,size={SIDE}", "quick": "scenes:level=1,size=24,n=60"}
CODECS: Mapping[Scale, Budget] = {"full": Budget(steps=600), "quick": Budget(steps=2)}
MEASURING: Mapping[Scale, Measuring] = {
    "full": Measuring(pictures=96, prompts=12, timed=(), shown=12),
    "quick": Measuring(pictures=4, prompts=1, timed=(), shown=2),
}
BACKBONE = TransformerShape(dim=192, n_layers=4, n_heads=3, ffn_dim=512, rope_axes=(32, 0, 16, 16), qk_norm=True)
HEAD = DiffusionShape(width=192, n_layers=3, ffn_dim=384)
BRIEF: Mapping[str, Any] = {"training.warmup": 20, "training.ema": 0.99, "training.eval_at": (1.0,)}
"""What a recipe's own training changes to in a run of a few hundred steps, for ``motet.config.override``."""


def latents(*, sigma: float = 0.1, channels: int = 32) -> SigmaVaeShape:
    """A sigma-VAE that makes 16 latents of a picture."""
    return SigmaVaeShape(patch=PATCH, channels=channels, dim=128, n_layers=2, n_heads=4, sigma=sigma)


def small(recipe: R) -> R:
    """The recipe at the small size of its backbone and pictures; codec and head are left to the caller."""
    return replace(recipe, image_size=SIDE, backbone=BACKBONE, rows=32, row_length=128)


def brief(*stages: str) -> dict[str, Any]:
    """``BRIEF`` for stages by the names of their settings, such as "codec_training"."""
    return {name.replace("training", stage, 1): value for stage in stages for name, value in BRIEF.items()}
