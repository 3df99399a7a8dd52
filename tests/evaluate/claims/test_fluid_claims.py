"""The claims on Fluid: they run, their arms are what the paper compares, and their rules give each verdict."""

from collections.abc import Callable
from typing import Any

import pytest

from motet.codecs.text import TextCodec
from motet.evaluate.claims.claim import ClaimResult, RunRecord
from motet.evaluate.claims.fluid_2x2 import Fluid2x2
from motet.evaluate.claims.fluid_scale import LOSS, FluidScale
from motet.evaluate.compare.match import matched, sizes_of

ARMS = ("continuous-random", "continuous-raster", "discrete-random", "discrete-raster")


def test_the_2x2_runs_at_quick_scale(quickly: Callable[[str], ClaimResult]) -> None:
    result = quickly("fluid-2x2")
    assert not result.failed and tuple(run.arm for run in result.runs) == ARMS
    for run in result.runs:
        assert run.numbers.keys() == Fluid2x2.measures.keys(), run.arm
    numbers = {run.arm: run.numbers for run in result.runs}
    assert numbers["continuous-random"]["psnr"] == numbers["continuous-raster"]["psnr"], "one codec for each kind"
    assert numbers["discrete-random"]["psnr"] == numbers["discrete-raster"]["psnr"]
    assert numbers["discrete-random"]["psnr"] != numbers["continuous-random"]["psnr"]
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed


def test_the_full_arms_of_the_2x2_have_equally_many_tokens_and_parameters() -> None:
    (comparison,) = Fluid2x2().comparisons("full")
    assert tuple(arm.label for arm in comparison.arms) == ARMS
    text = TextCodec.learn(["a large green square and three small red stars"] * 9, 500, ["image"])
    first = sizes_of(comparison.arms[0].recipe, text).learned
    assert 1e6 < first < 3e6
    for arm in comparison.arms:
        recipe = matched(arm.recipe, text, first, label=arm.label)
        assert abs(sizes_of(recipe, text).learned / first - 1) <= 0.05
        assert recipe.build(text).modality("image").grid == (4, 4), arm.label


@pytest.mark.parametrize(
    ("word", "frechet", "judge"),
    [
        ("holds", (40.0, 60.0, 55.0, 70.0), (0.8, 0.6, 0.6, 0.4)),
        ("does not hold here", (60.0, 40.0, 55.0, 70.0), (0.8, 0.6, 0.6, 0.4)),
        ("does not hold here", (40.0, 60.0, 55.0, 70.0), (0.5, 0.4, 0.6, 0.4)),
        ("undecided", (40.0, 42.0, 55.0, 70.0), (0.8, 0.6, 0.6, 0.4)),
    ],
)
def test_the_rule_of_the_2x2_gives_each_verdict(
    rigged: Callable[..., Any], word: str, frechet: tuple[float, ...], judge: tuple[float, ...]
) -> None:
    distance = rigged({arm: {"frechet": value} for arm, value in zip(ARMS, frechet, strict=True)}, 3.0)
    score = rigged({arm: {"judge": value} for arm, value in zip(ARMS, judge, strict=True)}, 0.02)
    assert Fluid2x2().verdict({arm: {**distance[arm], **score[arm]} for arm in ARMS}).word == word


def test_the_scaling_runs_at_quick_scale_and_tells_its_correlations(quickly: Callable[[str], ClaimResult]) -> None:
    result = quickly("fluid-scale")
    assert not result.failed and [run.arm for run in result.runs] == ["small", "medium", "large"]
    learned = [run.numbers["parameters/learned"] for run in result.runs]
    assert learned == sorted(learned) and learned[2] > 1.5 * learned[0], "sizes are not matched to each other"
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed
    told = " ".join(result.verdict.reasons)
    assert "logarithm of the size: " in told and "loss and frechet: " in told and "over 3 runs" in told
    assert "fluid-scale.quick-loss.svg" in {path.name for path in result.files}


def test_the_full_sizes_span_up_to_three_millions() -> None:
    text = TextCodec.learn(["a large green square and three small red stars"] * 9, 500, ["image"])
    learned = [sizes_of(one.arms[0].recipe, text).learned for one in FluidScale().comparisons("full")]
    assert learned == sorted(learned) and learned[1] > 1e6 and learned[2] < 3.1e6 and learned[2] > 6 * learned[0]


def made(arm: str, seed: int, loss: float, frechet: float, parameters: float) -> RunRecord:
    numbers = {LOSS: loss, "frechet": frechet, "parameters/learned": parameters}
    return RunRecord(arm, seed, numbers, {}, {}, 1.0, "")


def test_correlations_are_of_the_runs() -> None:
    runs = [made("small", 0, 0.5, 90.0, 1e5), made("medium", 0, 0.4, 70.0, 1e6), made("large", 0, 0.3, 50.0, 1e7)]
    told = FluidScale().remarks(runs)
    assert told == (
        "beside the rule, loss and the logarithm of the size: -1.00 (Pearson), -1.00 (ranks), over 3 runs",
        "beside the rule, loss and frechet: 1.00 (Pearson), 1.00 (ranks), over 3 runs",
    )


@pytest.mark.parametrize(
    ("word", "loss", "frechet", "judge"),
    [
        ("holds", (0.5, 0.48, 0.46), (90.0, 80.0, 70.0), (0.1, 0.2, 0.3)),
        ("does not hold here", (0.5, 0.48, 0.49), (90.0, 80.0, 70.0), (0.1, 0.2, 0.3)),
        ("does not hold here", (0.5, 0.48, 0.46), (90.0, 80.0, 90.0), (0.1, 0.2, 0.3)),
        ("does not hold here", (0.5, 0.48, 0.46), (90.0, 80.0, 70.0), (0.3, 0.2, 0.1)),
        ("undecided", (0.5, 0.48, 0.46), (90.0, 80.0, 79.0), (0.1, 0.2, 0.3)),
    ],
)
def test_the_rule_of_the_scaling_gives_each_verdict(
    rigged: Callable[..., Any],
    word: str,
    loss: tuple[float, ...],
    frechet: tuple[float, ...],
    judge: tuple[float, ...],
) -> None:
    sizes = ("small", "medium", "large")
    losses = rigged({size: {LOSS: value} for size, value in zip(sizes, loss, strict=True)}, 0.003)
    distance = rigged({size: {"frechet": value} for size, value in zip(sizes, frechet, strict=True)}, 2.0)
    scores = rigged({size: {"judge": value} for size, value in zip(sizes, judge, strict=True)}, 0.02)
    summary = {size: {**losses[size], **distance[size], **scores[size]} for size in sizes}
    assert FluidScale().verdict(summary).word == word
