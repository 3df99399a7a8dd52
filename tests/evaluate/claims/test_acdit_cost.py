"""The claim on ACDiT's cost: a formula that the sampler computes, and a rule that gives each verdict."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from motet.codecs.text import TextCodec
from motet.evaluate.claims.acdit_cost import SETTINGS, cost_verdict, saved
from motet.evaluate.claims.claim import ClaimResult, Summary
from motet.generate import generate
from motet.nn.backbone import TransformerShape
from motet.nn.backend import Sdpa
from motet.recipes.recipe import initialised
from motet.request import Request, Sampling
from motet.sequence import Segment


@pytest.mark.parametrize(
    ("length", "blocks", "percent"), [(1024, 4, 6.8), (4096, 4, 17.6), (16384, 16, 36.6), (65536, 16, 43.8)]
)
def test_the_formula_gives_the_published_savings(length: int, blocks: int, percent: float) -> None:
    paper = TransformerShape(dim=768, n_heads=12, ffn_dim=2048)  # 12 h^2 parameters in a layer
    assert 100 * saved(paper, length, length // blocks) == pytest.approx(percent, abs=0.05)


@pytest.mark.parametrize("blocks", [1, 4, 16])
def test_the_sampler_attends_to_what_the_formula_counts(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: list[int] = []
    plain = Sdpa.attend

    def counting(self: Sdpa, q: Any, k: Any, v: Any, mask: Any) -> Any:
        pairs.append(q.shape[2] * k.shape[2])
        return plain(self, q, k, v, mask)

    monkeypatch.setattr(Sdpa, "attend", counting)
    recipe, text = (
        replace(SETTINGS["quick"].recipe, image_size=4 * SETTINGS["quick"].recipe.codec.patch),
        TextCodec.learn(["a"], 320, ["image"]),
    )
    model = initialised(replace(recipe, block=16 // blocks), text, 0).eval()
    prompt = Segment("text", text.encode("a")[0], learn=False)
    steps = 3
    generate(model, [Request((prompt,), "image", (4, 4), sampling=Sampling(guidance=1.0, steps=steps))])
    of_picture = pairs[1:]
    assert len(of_picture) == steps * blocks
    before, length, block = 3, 16, 16 // blocks  # begin, "a" and the token that opens the picture
    seen = length * (length + block) // 2 + length * before
    clean = seen - block * (before + block)  # they go with the first step of the block behind, the last one with none
    assert sum(of_picture) == steps * seen + clean


def test_it_runs_at_quick_scale(quickly: Callable[[str], ClaimResult]) -> None:
    result = quickly("acdit-cost")
    assert not result.failed and [run.arm for run in result.runs] == ["tokens-16", "tokens-64"]
    for run in result.runs:
        seconds = {n: run.numbers[f"seconds_{n}"] for n in (1, 4, 16)}
        assert min(seconds.values()) > 0
        assert run.numbers["saving_4"] == pytest.approx(1 - seconds[4] / seconds[1])
        assert 0 < run.numbers["formula_4"] < run.numbers["formula_16"] < 0.5
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed
    assert "acdit-cost.quick.svg" in {path.name for path in result.files}


def measured(rigged: Callable[..., Any], short: float, long: float, half: float) -> Summary:
    """Both numbers of blocks save so much; the formula says 0.02 at 64 tokens and 0.30 at 4,096."""
    summary = rigged({f"tokens-{n}": {f"saving_{b}": s for b in (4, 16)} for n, s in ((4096, long), (64, short))}, half)
    formula = rigged({f"tokens-{n}": {f"formula_{b}": f for b in (4, 16)} for n, f in ((4096, 0.3), (64, 0.02))}, 0.0)
    return {arm: {**summary[arm], **formula[arm]} for arm in summary}


@pytest.mark.parametrize(
    ("word", "why", "short", "long", "half"),
    [
        ("holds", "save (formula)", -1.0, 0.33, 0.05),
        ("does not hold here", "save more than the formula", -1.0, 0.5, 0.05),
        ("does not hold here", "save less than the formula", -1.0, 0.1, 0.05),
        ("does not hold here", "than at the shortest", 0.5, 0.3, 0.05),
        ("undecided", "save (formula)", -1.0, 0.38, 0.05),
        ("undecided", "save (formula)", 0.28, 0.3, 0.05),
    ],
)
def test_its_rule_gives_each_verdict(
    rigged: Callable[..., Any], word: str, why: str, short: float, long: float, half: float
) -> None:
    verdict = cost_verdict(measured(rigged, short, long, half))
    assert verdict.word == word and why in verdict.reasons[-1], verdict
    assert "64 tokens" in verdict.reasons[0] and "4096 tokens" in verdict.reasons[0]


def test_fresh_weights_of_all_arms_are_the_same() -> None:
    recipe, text = SETTINGS["quick"].recipe, TextCodec.learn(["a"], 320, ["image"])
    one, many = (initialised(replace(recipe, block=block), text, 5) for block in (16, 1))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), many.parameters(), strict=True))
