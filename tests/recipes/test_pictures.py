"""What all recipes for text and pictures share: seeds that only a run can set, bounds, and attention's back-end."""

import re
from typing import Any

import pytest
import torch

from motet.codecs.text import TextCodec
from motet.config import describe, override
from motet.errors import ConfigError
from motet.recipes.pictures import PictureRecipe
from motet.recipes.registry import RECIPES

TEXT = TextCodec.learn(["a"], 300)
OUTSIDE: dict[str, Any] = {
    "image_size": 0,
    "vocab_size": 259,
    "rows": 0,
    "row_length": -1,
    "codec_batch": 0,
    "contrast_batch": 0,
    "merge": 0,
    "text_first": 1.5,
    "condition_dropout": -0.1,
    "codec_dropout": 1.5,
    "doubt": 2.0,
    "noise_cap": -0.5,
    "image_weight": -1.0,
    "contrast_share": 0.0,
    "codec.patch": 0,
    "codec.codebook_size": 0,
    "vq.patch": 0,
    "features.patch": 0,
    "backbone.n_heads": 0,
    "backbone.n_layers": 0,
    "codec.n_layers": 0,
    "head.ffn_dim": 0,
    "training.betas": (0.9, 1.0),
    "sampling.rounds": 0,
    "sampling.steps": 0,
    "sampling.scales": -1,
    "sampling.temperature": -0.5,
    "sampling.max_tokens": -3,
    "sampling.top_p": 2.0,
}
"""Numbers that mean nothing. Where a recipe has such a setting, it says so before any work is done."""


@pytest.mark.parametrize("name", RECIPES)
def test_the_seeds_of_stages_change_no_stage_and_are_told_to_be_idle(name: str) -> None:
    recipe = RECIPES[name].sizes["tiny"]
    seeds = {setting.name for setting in describe(recipe) if setting.name.endswith(".seed")}
    assert {"training.seed", "codec_training.seed"} <= seeds <= set(recipe.idle())
    others = override(recipe, dict.fromkeys(seeds, 5)).stages(3)
    assert [stage.settings for stage in others] == [stage.settings for stage in recipe.stages(3)]


@pytest.mark.parametrize("name", RECIPES)
def test_a_number_that_means_nothing_is_refused_by_name_when_it_is_set(name: str) -> None:
    recipe = RECIPES[name].sizes["tiny"]
    known = {setting.name for setting in describe(recipe)}
    assert {"rows", "text_first", "sampling.steps"} <= OUTSIDE.keys() & known
    for setting in OUTSIDE.keys() & known:
        told = re.escape(f"{setting.rpartition('.')[2]} is {OUTSIDE[setting]}")
        with pytest.raises(ConfigError, match=f"^{told}"):
            override(recipe, {setting: OUTSIDE[setting]})


NEGATIVE = {"sampling.guidance", "masking.mean"}
"""Guidance away from the prompt; the mean of a distribution that is cut."""


@pytest.mark.parametrize("name", RECIPES)
def test_no_other_number_may_be_negative(name: str) -> None:
    recipe = RECIPES[name].sizes["tiny"]
    numbers = [one for one in describe(recipe) if one.type.split(" | ")[0] in ("int", "float")]
    meant = NEGATIVE | {one.name for one in numbers if one.name.endswith(".seed")}
    asked = [one.name for one in numbers if one.name not in meant]
    assert len(asked) > 40
    for setting in asked:
        with pytest.raises(ConfigError, match=setting.rpartition(".")[2]):
            override(recipe, {setting: -1})


def test_guidance_without_an_unconditional_branch_is_refused_where_pictures_are_drawn() -> None:
    recipe = RECIPES["latentlm"].sizes["tiny"]
    with pytest.raises(ConfigError, match=r"^sampling\.guidance is 2\.0, but with condition_dropout 0"):
        override(recipe, {"condition_dropout": 0})
    for allowed in ({"sampling.guidance": 1}, {"text_first": 0}):
        assert override(recipe, {"condition_dropout": 0} | allowed)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_gives_its_backbone_the_back_end_that_is_set(name: str) -> None:
    recipe = override(RECIPES[name].sizes["tiny"], ["backbone.attention=reference"])
    assert isinstance(recipe, PictureRecipe)
    with torch.device("meta"):
        assert recipe.blocks(TEXT).attention == "reference"
