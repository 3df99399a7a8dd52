"""LatentLM's claims against other recipes: they run at quick scale, compare equals, and their rules can fail."""

from collections.abc import Callable
from typing import Any

import pytest

from motet.codecs.text import TextCodec
from motet.evaluate.claims.claim import ClaimResult
from motet.evaluate.claims.latentlm_scaling import LatentLMScaling
from motet.evaluate.claims.latentlm_throughput import SETTINGS, LatentLMThroughput
from motet.evaluate.claims.latentlm_unified import LatentLMUnified
from motet.evaluate.claims.trained import TrainedClaim
from motet.evaluate.compare.match import matched, sizes_of


@pytest.fixture(scope="module")
def text() -> TextCodec:
    return TextCodec.learn(["a large green square and three small red stars"] * 9, 500, ["image"])


@pytest.mark.parametrize("claim", [LatentLMUnified(), LatentLMScaling()], ids=lambda claim: claim.name)
def test_a_trained_claim_runs_at_quick_scale(quickly: Callable[[str], ClaimResult], claim: TrainedClaim) -> None:
    result = quickly(claim.name)
    assert not result.failed
    assert [run.arm for run in result.runs] == claim.arms("quick")
    for run in result.runs:
        assert run.numbers["frechet"] > 0 and run.numbers.keys() <= claim.measures.keys()
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed


@pytest.mark.parametrize("claim", [LatentLMUnified(), LatentLMScaling()], ids=lambda claim: claim.name)
def test_arms_of_the_full_scale_learn_equally_many_parameters(claim: TrainedClaim, text: TextCodec) -> None:
    for comparison in claim.comparisons("full"):
        first = sizes_of(comparison.arms[0].recipe, text).learned
        assert 5e5 < first < 5e6
        for arm in comparison.arms:
            own = sizes_of(matched(arm.recipe, text, first, label=arm.label), text).learned
            assert abs(own / first - 1) <= 0.05, arm.label


def test_what_is_expected_of_scaling_names_the_arms_that_are_run() -> None:
    arms = set(LatentLMScaling().arms("full"))
    assert {arm for one in LatentLMScaling.expected for arm in (one.better, one.worse)} == arms  # type: ignore[attr-defined]


def test_throughput_times_two_models_of_one_size(quickly: Callable[[str], ClaimResult], text: TextCodec) -> None:
    result = quickly("latentlm-throughput")
    assert [run.arm for run in result.runs] == ["batch-1", "batch-2"]
    for run in result.runs:
        assert run.numbers["ratio"] == pytest.approx(run.numbers["latentlm"] / run.numbers["dit"])
    full = SETTINGS["full"]
    assert full.latentlm.sampling == full.dit.sampling and full.latentlm.sampling.steps == 20
    size = sizes_of(full.latentlm, text).learned
    assert abs(sizes_of(matched(full.dit, text, size), text).learned / size - 1) <= 0.05


@pytest.mark.parametrize(
    ("word", "ratios"),
    [("holds", (2.0, 1.5)), ("does not hold here", (2.0, 0.5)), ("undecided", (2.0, 1.05))],
)
def test_throughput_gives_each_verdict(rigged: Callable[..., Any], word: str, ratios: tuple[float, float]) -> None:
    means = {arm: {"ratio": ratio} for arm, ratio in zip(("batch-1", "batch-16"), ratios, strict=True)}
    assert LatentLMThroughput().verdict(rigged(means, 0.1)).word == word
