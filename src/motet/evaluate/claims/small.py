"""The small settings that claims about recipes share: scenes of 32 pixels, or of 24 where things should be drawn whole
after a minute; codecs of a minute; two million parameters.

Recipes keep their own way of training and drawing; sizes and the way of judging are the same for all.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from motet.evaluate.claims.claim import Scale
from motet.evaluate.compare.plan import Measuring
from motet.recipes.pictures import PictureRecipe
from motet.recipes.study import SIDE, backbone
from motet.train.settings import Budget

R = TypeVar("R", bound=PictureRecipe)

SEEDS: Mapping[Scale, tuple[int, ...]] = {"full": (0, 1, 2), "quick": (0,)}
LATTICE = 8
"""Steps of the lattice that things stand on: with places as they please, minutes do not teach what a shape is."""
DATA: Mapping[Scale, str] = {
    "full": f"scenes:kind=caption,level=1-2,size={SIDE},lattice={LATTICE}",
    "quick": "scenes:kind=caption,level=1,size=24,n=60",
}
SMALLEST = 24
"""Pixels of pictures that show whole things after a minute or two of training."""
ONE_THING: Mapping[Scale, str] = {
    "full": f"scenes:kind=caption,level=1,size={SMALLEST},lattice={LATTICE}",
    "quick": DATA["quick"],
}
OFTEN: Mapping[Scale, int] = {"full": 48, "quick": 1}
"""Prompts in each of the few categories of the judge that such pictures have."""
CODECS: Mapping[Scale, Budget] = {"full": Budget(steps=600), "quick": Budget(steps=2)}
MEASURING: Mapping[Scale, Measuring] = {
    "full": Measuring(pictures=96, prompts=12, timed=(), shown=12),
    "quick": Measuring(pictures=4, prompts=1, timed=(), shown=2),
}
LEAST_DB = 0.005
"""The least gain in PSNR that matters, as a share: about a tenth of a decibel of twenty."""
JUDGED: Mapping[str, str] = {
    "judge": "share of prompts that the drawn picture meets, mean of the categories that the data shows",
    "judge_accuracy": "the judge's own accuracy on real renders of that size, in the worst of those categories",
}
"""The measures that a judge of pictures has, by name."""
BACKBONE = backbone(4)
BRIEF: Mapping[str, Any] = {"training.warmup": 20, "training.ema": 0.99, "training.eval_at": (1.0,)}
"""What a recipe's own training changes to in a run of a few hundred steps, for ``motet.config.override``."""


def small(recipe: R) -> R:
    """The recipe at the small size of its backbone and pictures; codec and head are left to the caller."""
    return replace(recipe, image_size=SIDE, backbone=BACKBONE, rows=32, row_length=128)


def brief(*stages: str) -> dict[str, Any]:
    """``BRIEF`` for stages by the names of their settings, such as "codec_training"."""
    return {name.replace("training", stage, 1): value for stage in stages for name, value in BRIEF.items()}
