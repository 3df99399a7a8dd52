"""The papers' sizes: as many parameters as were published, where our blocks are the paper's, and settings as told."""

from typing import Any

import pytest
import torch

from motet.codecs.text import TextCodec
from motet.config import describe
from motet.recipes.paper_sizes import resized
from motet.recipes.pictures import PictureRecipe
from motet.recipes.registry import RECIPES

PUBLISHED = {
    # blocks, width, heads, millions of parameters without text and codec: those of LatentLM and ACDiT are counted
    # from the published code, those of Transfusion are rounded and have a text of 32,000 ids on both sides
    ("latentlm", "paper-b"): (24, 768, 12, 212),
    ("latentlm", "paper-l"): (32, 1024, 16, 495),
    ("latentlm", "paper-h"): (40, 1280, 20, 1010),
    ("latentlm", "paper-medium"): (24, 1024, 16, 455),
    ("latentlm", "paper-large"): (24, 1536, 12, 1020),
    ("latentlm", "paper-xl"): (24, 2048, 16, 1820),
    ("latentlm", "paper-3b"): (32, 2560, 20, 3680),
    ("acdit", "paper-b"): (12, 768, 12, 130),
    ("acdit", "paper-l"): (24, 1024, 16, 458),
    ("acdit", "paper"): (28, 1152, 18, 675),
    ("acdit", "paper-h"): (32, 1280, 20, 951),
    ("dit", "paper-s"): (12, 384, 6, 33),
    ("dit", "paper-b"): (12, 768, 12, 130),
    ("dit", "paper-l"): (24, 1024, 16, 458),
    ("dit", "paper"): (28, 1152, 16, 675),
    ("mar", "paper-b"): (24, 768, 12, 208),
    ("mar", "paper"): (32, 1024, 16, 479),
    ("mar", "paper-h"): (40, 1280, 16, 943),
    ("vq", "paper-b"): (12, 768, 12, 111),
    ("vq", "paper-l"): (24, 1024, 16, 343),
    ("vq", "paper"): (36, 1280, 20, 775),
    ("vq", "paper-xxl"): (48, 1536, 24, 1400),
    ("vq", "paper-3b"): (24, 3200, 32, 3100),
    ("transfusion", "paper-0.16b"): (16, 768, 12, 160),
    ("transfusion", "paper-0.37b"): (24, 1024, 16, 370),
    ("transfusion", "paper-0.76b"): (24, 1536, 24, 760),
    ("transfusion", "paper-1.4b"): (24, 2048, 16, 1400),
    ("transfusion", "paper"): (32, 4096, 32, 7000),
}
ROUNDED = {"transfusion": 0.04}
TOLD: dict[tuple[str, str], dict[str, Any]] = {
    ("latentlm", "paper"): {
        "codec.noise": "gaussian",
        "codec.sigma": 0.75,
        "codec_training.lr": 3e-4,
        "codec_training.optimizer": "adamw",
        "training.lr": 3e-4,
        "training.weight_decay": 0.01,
        "sampling.guidance": 1.65,
        "sampling.steps": 20,
        "sampling.temperature": 1.0,
    },
    ("latentlm", "paper-l"): {"training.lr": 5e-4, "training.warmup": 100, "sampling.guidance": 1.65},
    ("acdit", "paper-h"): {"training.weight_decay": 0.0, "training.cooldown": 0.15, "training.floor": 0.5**6},
    ("mar", "paper"): {"training.warmup": 62_500, "training.floor": 1.0, "training.clip": 3.0, "sampling.rounds": 64},
    ("mar", "paper-h"): {"training.lr": 8e-4, "sampling.guidance": 3.2},
    ("fluid", "paper"): {"training.warmup": 65_000, "training.floor": 1.0, "sampling.temperature": 0.975},
    ("vq", "paper"): {"codec_training.lr": 1e-4, "codec_training.optimizer": "adamw", "codec_batch": 128},
    ("janus", "paper"): {"codec_training.lr": 1e-4, "tuning_training.lr": 2e-5, "sampling.guidance": 5.0},
    ("lavit", "paper"): {"sampling.guidance": 4.0, "sampling.top_k": 50},
    ("puma", "paper"): {"codec_training.lr": 8e-5, "codec_training.schedule": "wsd", "codec_training.cooldown": 1.0},
    ("transfusion", "paper"): {"training.floor": 0.05, "sampling.guidance": 5.0, "sampling.steps": 250},
}
"""Settings of training and sampling that are published; what a paper does not tell is our own."""
TEXT = TextCodec.learn(["a"], 300)
ALL = [(name, size) for name, recipe in RECIPES.items() for size in recipe.sizes if size.startswith("paper")]


def millions(recipe: PictureRecipe) -> float:
    """Of the backbone and the picture's embedding and head; Transfusion's with two matrices of the vocabulary."""
    with torch.device("meta"):
        picture, backbone = recipe.picture(), recipe.blocks(TEXT)
    count = sum(p.numel() for part in (backbone, picture.embed, picture.head) for p in part.parameters())
    words = 2 * recipe.vocab_size * recipe.backbone.dim if "Transfusion" in recipe.paper else 0
    return (count + words) / 1e6


@pytest.mark.parametrize(("name", "size"), PUBLISHED)
def test_a_size_is_the_published_one(name: str, size: str) -> None:
    recipe = RECIPES[name].sizes[size]
    assert isinstance(recipe, PictureRecipe)
    n_layers, dim, n_heads, published = PUBLISHED[name, size]
    assert (recipe.backbone.n_layers, recipe.backbone.dim, recipe.backbone.n_heads) == (n_layers, dim, n_heads)
    assert millions(recipe) == pytest.approx(published, rel=ROUNDED.get(name, 0.013))


@pytest.mark.parametrize(("name", "size"), TOLD)
def test_a_size_trains_and_draws_as_the_paper_tells(name: str, size: str) -> None:
    settings = {setting.name: setting.value for setting in describe(RECIPES[name].sizes[size])}
    assert {told: settings[told] for told in TOLD[name, size]} == TOLD[name, size]


@pytest.mark.parametrize(("name", "size"), ALL)
def test_every_size_of_a_paper_can_be_built(name: str, size: str) -> None:
    recipe = RECIPES[name].sizes[size]
    with torch.device("meta"):
        model = recipe.build(TEXT)
    assert sum(p.numel() for p in model.parameters()) > 5e7


def test_a_row_of_a_table_differs_from_the_main_size_in_nothing_but_sizes() -> None:
    main = RECIPES["mar"].sizes["paper"]
    assert isinstance(main, PictureRecipe)
    row = resized(main, dim=1280, n_layers=40, n_heads=16, ffn_dim=3456, rows=7)
    assert row.backbone.rope_axes == (40, 0, 20, 20) and sum(row.backbone.rope_axes) == 1280 // 16
    assert row.rows == 7 and row.training == main.training and row.backbone.qk_norm == main.backbone.qk_norm
    turned = RECIPES["dit"].sizes["paper-b"]
    assert isinstance(turned, PictureRecipe) and turned.backbone.rope_axes == (24, 0, 20, 20)
    by_the_index = RECIPES["transfusion"].sizes["paper-0.16b"]
    assert isinstance(by_the_index, PictureRecipe) and by_the_index.backbone.rope_axes == ()
