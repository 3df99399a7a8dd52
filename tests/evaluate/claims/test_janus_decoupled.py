"""The claim on Janus' encoders: it runs, its arms learn what they should, and its rule gives each verdict."""

from collections.abc import Callable
from typing import Any

import pytest

from motet.codecs.text import TextCodec
from motet.evaluate.claims.claim import ClaimResult
from motet.evaluate.claims.janus_decoupled import JanusDecoupled
from motet.evaluate.compare.match import matched, sizes_of

ARMS = ("decoupled", "shared_vq", "shared_semantic", "understanding", "generation")
READING = {"answers", "answers_blind", "captions_true"}
DRAWING = {"frechet", "judge"}


def test_it_runs_at_quick_scale(quickly: Callable[[str], ClaimResult]) -> None:
    result = quickly("janus-decoupled")
    assert not result.failed and tuple(run.arm for run in result.runs) == ARMS
    numbers = {run.arm: run.numbers for run in result.runs}
    for arm in ARMS[:3]:
        assert numbers[arm].keys() == JanusDecoupled.measures.keys(), arm
    assert numbers["understanding"].keys() == JanusDecoupled.measures.keys() - DRAWING
    assert numbers["generation"].keys() == JanusDecoupled.measures.keys() - READING
    assert numbers["generation"]["spent/samples"] < 0.6 * numbers["decoupled"]["spent/samples"]
    assert numbers["understanding"]["psnr"] == numbers["decoupled"]["psnr"], "encoders of a seed are shared"
    assert numbers["shared_semantic"]["psnr"] != numbers["shared_vq"]["psnr"]
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed


def test_the_full_arms_read_and_draw_as_many_tokens_and_learn_equally_many_parameters() -> None:
    both, reading, drawing = JanusDecoupled().comparisons("full")
    text = TextCodec.learn(["a large green square and three small red stars"] * 9, 500, ["image"])
    first = sizes_of(both.arms[0].recipe, text).learned
    assert 1e6 < first < 3e6
    for arm in both.arms:
        recipe = matched(arm.recipe, text, first, label=arm.label)
        assert abs(sizes_of(recipe, text).learned / first - 1) <= 0.05
        assert recipe.build(text).modality("image").grid == (6, 6), arm.label
    assert sizes_of(reading.arms[0].recipe, text).learned == first
    assert drawing.arms[0].recipe.backbone == both.arms[0].recipe.backbone
    assert reading.allowance == both.allowance, "as many questions"
    assert drawing.allowance.amount == pytest.approx(0.42 * both.allowance.amount), "as many drawings"
    assert (reading.arms[0].recipe.text_first, drawing.arms[0].recipe.text_first) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("word", "answers", "frechet"),
    [
        ("holds", (0.8, 0.5, 0.6, 0.8), (81.0, 80.0)),
        ("does not hold here", (0.6, 0.5, 0.8, 0.6), (81.0, 80.0)),
        ("does not hold here", (0.8, 0.5, 0.6, 0.95), (81.0, 80.0)),
        ("does not hold here", (0.8, 0.5, 0.6, 0.8), (99.0, 80.0)),
        ("undecided", (0.8, 0.5, 0.6, 0.8), (88.0, 80.0)),
    ],
)
def test_its_rule_gives_each_verdict(
    rigged: Callable[..., Any], word: str, answers: tuple[float, ...], frechet: tuple[float, float]
) -> None:
    told = rigged({arm: {"answers": value} for arm, value in zip(ARMS[:4], answers, strict=True)}, 0.02)
    drawn = rigged({arm: {"frechet": value} for arm, value in zip((ARMS[0], ARMS[4]), frechet, strict=True)}, 2.0)
    summary = {arm: {**told.get(arm, {}), **drawn.get(arm, {})} for arm in ARMS}
    assert JanusDecoupled().verdict(summary).word == word
