"""The pipeline: what it says of prompts that reach beyond what was trained."""

import logging
from dataclasses import replace

import pytest

from motet.codecs.text import TextCodec
from motet.config import override
from motet.errors import DataError, ShapeError
from motet.pipeline import Pipeline
from motet.recipes.latentlm import TINY
from motet.recipes.lavit.sizes import TINY as LAVIT
from motet.recipes.puma import TINY as PUMA
from motet.recipes.recipe import Recipe, initialised
from motet.recipes.registry import RECIPES


@pytest.fixture(autouse=True)
def _nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motet.pipeline.generate", lambda model, requests, progress: [[]] * len(requests))


def pipeline(recipe: Recipe) -> Pipeline:
    """A model that reads one id for each letter."""
    return Pipeline(initialised(recipe, TextCodec.learn(["a"], 270, ["image"]), 0), recipe.sampling)


@pytest.mark.parametrize(("want", "letters"), [("image", 58), ("text", 62), (None, 62)])
def test_a_prompt_that_reaches_beyond_a_row_of_training_is_warned_of_with_both_numbers(
    want: str | None, letters: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A row has 64 tokens: one begins the document, one opens a picture, which has 4; or is the answer's first."""
    asked = pipeline(TINY)
    asked.generate_many(["x" * letters, "x"], want=want)
    assert not caplog.records
    asked.generate_many(["x" * (letters + 1), "x", "x" * letters], want=want)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    for words in ("1 of 3 prompts", "the longest takes 65 tokens", "a row of training has 64"):
        assert words in record.message


@pytest.mark.parametrize(
    ("recipe", "sampling", "letters"),
    [
        (PUMA, {"scales": 1}, 61),  # a picture's coarsest scale is one token
        (PUMA, {}, 57),  # and the other one is four
        (LAVIT, {}, 61),  # of a picture that takes as many codes as it needs, the end alone is sure
    ],
)
def test_what_a_wanted_picture_takes_at_least_is_counted(
    recipe: Recipe, sampling: dict[str, int], letters: int, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = replace(recipe, row_length=64)
    asked = pipeline(recipe)
    asked.generate("x" * letters, want="image", **sampling)
    assert not caplog.records
    asked.generate("x" * (letters + 1), want="image", **sampling)
    assert "the longest takes 65 tokens" in caplog.text


def test_a_size_that_the_codec_reads_and_cannot_draw_is_refused_before_anything_is_drawn() -> None:
    said = override(LAVIT, {"codec.positions": True})
    height, width = said.image_size, said.image_size + said.codec.patch
    assert pipeline(LAVIT).generate("a", want="image", size=(height, width)) == []
    with pytest.raises(ShapeError, match=rf"{height}x{width} pixels are wanted"):
        pipeline(said).generate("a", want="image", size=(height, width))


def test_half_a_character_is_no_prompt() -> None:
    with pytest.raises(DataError, match=r"the prompt 'fox \\udcff' holds half a character"):
        pipeline(TINY).generate("fox \udcff", want="image")


def test_a_text_that_is_a_label_stands_nowhere_however_long_it_is(caplog: pytest.LogCaptureFixture) -> None:
    asked = pipeline(override(RECIPES["dit"].sizes["tiny"], {"condition": "class"}))
    asked.generate("x" * 500, want="image")
    assert not caplog.records
    asked.generate("x" * 500, want="text")
    assert "the longest takes 502 tokens" in caplog.text
