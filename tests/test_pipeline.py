"""The pipeline: what it says of prompts that reach beyond what was trained."""

import logging

import pytest

from motet.codecs.text import TextCodec
from motet.config import override
from motet.pipeline import Pipeline
from motet.recipes.latentlm import TINY
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


def test_a_text_that_is_a_label_stands_nowhere_however_long_it_is(caplog: pytest.LogCaptureFixture) -> None:
    asked = pipeline(override(RECIPES["dit"].sizes["tiny"], {"condition": "class"}))
    asked.generate("x" * 500, want="image")
    assert not caplog.records
    asked.generate("x" * 500, want="text")
    assert "the longest takes 502 tokens" in caplog.text
