"""A paper's table of sizes. Its main size is written out in its recipe; the others are that one, wider or deeper."""

from dataclasses import replace
from typing import Any, TypeVar

from motet.recipes.pictures import PictureRecipe

R = TypeVar("R", bound=PictureRecipe)


def resized(recipe: R, *, dim: int, n_layers: int, n_heads: int, ffn_dim: int, **changes: Any) -> R:
    """The recipe with a backbone of these sizes and with other fields of its own.

    ffn_dim: of a SwiGLU, which has three matrices: two thirds of the width of the paper's plain MLP.
    """
    shape = replace(recipe.backbone, dim=dim, n_layers=n_layers, n_heads=n_heads, ffn_dim=ffn_dim)
    if shape.rope_axes:  # the place in the text turns half of a head, each axis a quarter, in pairs
        quarter = dim // n_heads // 8 * 2
        shape = replace(shape, rope_axes=(dim // n_heads - 2 * quarter, 0, quarter, quarter))
    return replace(recipe, backbone=shape, **changes)
