"""The claim on ACDiT's blocks: it runs, its arms cost what the method says, and its rule gives each verdict."""

from collections.abc import Callable
from typing import Any

import pytest

from motet.codecs.text import TextCodec
from motet.evaluate.claims.acdit_blocks import QUICK, ACDiTBlocks
from motet.evaluate.claims.claim import ClaimResult
from motet.evaluate.compare.match import sizes_of


def test_it_runs_at_quick_scale(quickly: Callable[[str], ClaimResult]) -> None:
    result = quickly("acdit-blocks")
    assert not result.failed
    assert [run.arm for run in result.runs] == ["block-1", "block-4", "block-all", "dit"]
    numbers = {run.arm: run.numbers for run in result.runs}
    for arm, found in numbers.items():
        assert found.keys() == ACDiTBlocks.measures.keys() - {"seconds/16"}, arm  # quick times single pictures
        assert 0 <= found["probe"] <= 1 and found["probe_time"] in (0.9, 1.0) and found["probe_block"] in (0, 1)
    tokens = {arm: found["backbone_tokens"] for arm, found in numbers.items()}
    clean = {"block-1": 15, "block-4": 12, "block-all": 0, "dit": 0}  # those that a later block sees, in two branches
    assert {arm: n - tokens["dit"] for arm, n in tokens.items()} == {arm: 2 * n for arm, n in clean.items()}
    more = {arm: found["backbone_passes"] - numbers["dit"]["backbone_passes"] for arm, found in numbers.items()}
    each = QUICK["sampling.steps"]
    assert more == {"block-1": 15 * each, "block-4": 3 * each, "block-all": 0, "dit": 0}
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed
    assert {path.name for path in result.files} >= {"acdit-blocks.quick.svg", "acdit-blocks.quick-samples.png"}


def test_the_full_arms_learn_equally_many_parameters_between_one_and_three_millions() -> None:
    (comparison,) = ACDiTBlocks().comparisons("full")
    text = TextCodec.learn(["a large green square and three small red stars"] * 9, 500, ["image"])
    learned = {arm.label: sizes_of(arm.recipe, text).learned for arm in comparison.arms}
    assert set(learned) == {"block-1", "block-4", "block-all", "dit"}
    assert len(set(learned.values())) == 1
    assert 1e6 < learned["dit"] < 3e6


@pytest.mark.parametrize(
    ("word", "frechet", "probe"),
    [
        ("holds", (90.0, 60.0, 50.0), (0.8, 0.6)),
        ("does not hold here", (90.0, 50.0, 60.0), (0.8, 0.6)),
        ("does not hold here", (90.0, 60.0, 50.0), (0.6, 0.8)),
        ("undecided", (90.0, 51.0, 50.0), (0.8, 0.6)),
    ],
)
def test_its_rule_gives_each_verdict(
    rigged: Callable[..., Any], word: str, frechet: tuple[float, float, float], probe: tuple[float, float]
) -> None:
    summary = rigged({"block-1": {"frechet": frechet[0]}, "block-all": {"frechet": frechet[2]}}, 2.0)
    blocks = rigged({"block-4": {"frechet": frechet[1]}}, 2.0)["block-4"]
    probes = rigged({"block-4": {"probe": probe[0]}, "dit": {"probe": probe[1]}}, 0.05)
    summary |= {"block-4": {**blocks, **probes["block-4"]}, "dit": probes["dit"]}
    assert ACDiTBlocks().verdict(summary).word == word
