"""A paper's table of sizes. Its main size is written out in its recipe; the others are that one, wider or deeper."""

from dataclasses import replace
from typing import Any, TypeVar

from motet.recipes.pictures import PictureRecipe

R = TypeVar("R", bound=PictureRecipe)


def resized(recipe: R, *, dim: int, n_layers: int, n_heads: int, ffn_dim: int, **changes: Any) -> R:
    """The recipe with a backbone of these sizes and with other fields of its own.

    ffn_dim: of a SwiGLU, which has three matrices: two thirds of the width of the paper's plain MLP.
    """
    old = recipe.backbone
    shape = replace(old, dim=dim, n_layers=n_layers, n_heads=n_heads, ffn_dim=ffn_dim, rope_axes=())
    if old.rope_axes:  # each axis turns the same share of a head as before, in pairs; the first takes what is left
        _, *others = [n * shape.channels_per_head // old.channels_per_head // 2 * 2 for n in old.rope_axes]
        shape = replace(shape, rope_axes=(shape.channels_per_head - sum(others), *others))
    return replace(recipe, backbone=shape, **changes)
