"""The claim on what PUMA answers by the number of tokens: it runs, arms differ in scales alone, its rule decides."""

from collections.abc import Callable
from typing import Any

import pytest

from motet.codecs.text import TextCodec
from motet.evaluate.claims.claim import ClaimResult
from motet.evaluate.claims.puma_questions import FACTORS, PUMAQuestions
from motet.evaluate.compare.match import sizes_of

ARMS = tuple(FACTORS)


def test_it_runs_at_quick_scale(quickly: Callable[[str], ClaimResult]) -> None:
    result = quickly("puma-questions")
    assert not result.failed and tuple(run.arm for run in result.runs) == ARMS
    for run in result.runs:
        assert run.numbers.keys() == PUMAQuestions.measures.keys(), run.arm
        assert run.numbers["places_gain"] < run.numbers["places"], "some questions are answered blindly"
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed


def test_each_full_arm_reads_its_number_of_tokens_and_learns_equally_many_parameters() -> None:
    (comparison,) = PUMAQuestions().comparisons("full")
    text = TextCodec.learn(["a large green square left of a small red star"] * 9, 500, ["image"])
    read = {}
    for arm in comparison.arms:
        picture = arm.recipe.build(text).modality("image")
        read[arm.label] = picture.factorise.least(picture.grid)
    assert read == {"tokens-1": 1, "tokens-4": 4, "tokens-16": 16, "tokens-64": 64, "all": 85}
    assert len({sizes_of(arm.recipe, text).learned for arm in comparison.arms}) == 1
    assert 1e6 < sizes_of(comparison.arms[0].recipe, text).learned < 3e6


@pytest.mark.parametrize(
    ("word", "gains", "places"),
    [
        ("holds", (0.0, 0.05), (0.5, 0.5, 0.7, 0.8, 0.8)),
        ("does not hold here", (0.0, 0.3), (0.5, 0.6, 0.7, 0.8, 0.8)),
        ("does not hold here", (0.0, 0.05), (0.5, 0.7, 0.6, 0.8, 0.8)),
        ("does not hold here", (0.0, 0.05), (0.5, 0.5, 0.7, 0.8, 0.5)),
        ("undecided", (0.0, 0.05), (0.5, 0.5, 0.51, 0.8, 0.8)),
    ],
)
def test_its_rule_gives_each_verdict(
    rigged: Callable[..., Any], word: str, gains: tuple[float, ...], places: tuple[float, ...]
) -> None:
    told = rigged({arm: {"places": value} for arm, value in zip(ARMS, places, strict=True)}, 0.02)
    over = rigged({arm: {"places_gain": value} for arm, value in zip(ARMS[:2], gains, strict=True)}, 0.02)
    summary = {arm: {**told[arm], **over.get(arm, {})} for arm in ARMS}
    assert PUMAQuestions().verdict(summary).word == word
