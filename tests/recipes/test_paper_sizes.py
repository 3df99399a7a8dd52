"""The papers' tables of sizes: as many parameters as were published, where our blocks are the paper's."""

import pytest
import torch

from motet.codecs.text import TextCodec
from motet.recipes.paper_sizes import resized
from motet.recipes.pictures import PictureRecipe
from motet.recipes.registry import RECIPES

PUBLISHED = {
    # millions, without text and codec: counted from the published code (LatentLM), or as the papers say
    ("latentlm", "paper-b"): 212, ("latentlm", "paper-l"): 495, ("latentlm", "paper-h"): 1010,
    ("latentlm", "paper-medium"): 455, ("latentlm", "paper-large"): 1020, ("latentlm", "paper-xl"): 1820,
    ("latentlm", "paper-3b"): 3680,
    ("acdit", "paper-b"): 130, ("acdit", "paper-l"): 458, ("acdit", "paper"): 675, ("acdit", "paper-h"): 951,
    ("dit", "paper-s"): 33, ("dit", "paper-b"): 130, ("dit", "paper-l"): 458, ("dit", "paper"): 675,
    ("mar", "paper-b"): 208, ("mar", "paper"): 479, ("mar", "paper-h"): 943,
    ("vq", "paper-b"): 111, ("vq", "paper-l"): 343, ("vq", "paper"): 775, ("vq", "paper-xxl"): 1400,
    ("vq", "paper-3b"): 3100,
    # with a text of 32,000 ids on both sides
    ("transfusion", "paper-0.16b"): 160, ("transfusion", "paper-0.37b"): 370, ("transfusion", "paper-0.76b"): 760,
    ("transfusion", "paper-1.4b"): 1400, ("transfusion", "paper"): 7000,
}  # fmt: skip
TEXT = TextCodec.learn(["a"], 300)


def millions(recipe: PictureRecipe) -> float:
    """Of the backbone and the picture's embedding and head; Transfusion's with two matrices of the vocabulary."""
    with torch.device("meta"):
        picture, backbone = recipe.picture(), recipe.blocks(TEXT)
    count = sum(p.numel() for part in (backbone, picture.embed, picture.head) for p in part.parameters())
    words = 2 * recipe.vocab_size * recipe.backbone.dim if "Transfusion" in recipe.paper else 0
    return (count + words) / 1e6


@pytest.mark.parametrize(("name", "size"), PUBLISHED)
def test_a_size_has_the_published_number_of_parameters(name: str, size: str) -> None:
    recipe = RECIPES[name].sizes[size]
    assert isinstance(recipe, PictureRecipe)
    assert millions(recipe) == pytest.approx(PUBLISHED[name, size], rel=0.05)


def test_a_row_of_a_table_differs_from_the_main_size_in_nothing_but_sizes() -> None:
    main = RECIPES["mar"].sizes["paper"]
    assert isinstance(main, PictureRecipe)
    row = resized(main, dim=1280, n_layers=40, n_heads=16, ffn_dim=3456, rows=7)
    assert row.backbone.rope_axes == (40, 0, 20, 20) and sum(row.backbone.rope_axes) == 1280 // 16
    assert row.rows == 7 and row.training == main.training and row.backbone.qk_norm == main.backbone.qk_norm
    by_the_index = RECIPES["transfusion"].sizes["paper-0.16b"]
    assert isinstance(by_the_index, PictureRecipe) and by_the_index.backbone.rope_axes == ()
