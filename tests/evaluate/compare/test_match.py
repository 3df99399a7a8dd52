"""Parameters counted part by part, and matched within 5 %."""

from dataclasses import replace

import pytest

from motet.codecs.text import TextCodec
from motet.config import override
from motet.errors import ConfigError
from motet.evaluate.compare.match import STEP, matched, sizes, sizes_of
from motet.recipes.latentlm import TINY, LatentLM
from motet.recipes.recipe import initialised


@pytest.fixture(scope="module")
def text() -> TextCodec:
    return TextCodec.learn(["a red square", "a blue bar"], TINY.vocab_size, ["image"])


def test_the_parts_add_up_to_all_parameters(text: TextCodec) -> None:
    model = initialised(TINY, text, 0)
    found = sizes(model)
    assert found.learned + found.codec == sum(p.numel() for p in model.parameters())
    assert found.codec == sum(p.numel() for p in model.modality("image").codec.parameters())
    assert found == sizes_of(TINY, text)


@pytest.mark.parametrize("factor", [0.9, 1.3, 4.0])
def test_one_knob_brings_a_recipe_within_five_percent(text: TextCodec, factor: float) -> None:
    target = round(factor * sizes_of(TINY, text).learned)
    found = matched(TINY, text, target)
    assert isinstance(found, LatentLM)
    assert abs(sizes_of(found, text).learned / target - 1) <= 0.05
    assert found.backbone.ffn_dim % STEP == 0
    assert replace(found, backbone=TINY.backbone) == TINY, "nothing else is changed"


def test_a_recipe_that_is_near_enough_keeps_its_own_setting(text: TextCodec) -> None:
    assert matched(TINY, text, round(1.04 * sizes_of(TINY, text).learned)) is TINY


def test_a_head_that_is_too_large_cannot_be_matched_and_the_error_says_how_near_it_comes(text: TextCodec) -> None:
    large = override(TINY, {"head.width": 128, "head.ffn_dim": 512})
    with pytest.raises(ConfigError, match=r"big learns [\d,]+ parameters; with backbone.ffn_dim=16"):
        matched(large, text, sizes_of(TINY, text).learned, label="big")
