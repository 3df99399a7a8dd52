"""Budgets as they are typed, and what a run may take of them."""

import pytest

from motet.errors import ConfigError
from motet.evaluate.compare.budget import Allowance, Cost, read_allowance, read_budget, run_budget
from motet.recipes.latentlm import TINY
from motet.train.settings import Budget


@pytest.mark.parametrize(
    ("text", "kind", "amount"),
    [
        ("5m", "minutes", 5.0),
        ("1.5e15flops", "flops", 1.5e15),
        ("20000samples", "samples", 2e4),
        ("20kSamples", "samples", 2e4),
    ],
)
def test_each_spelling_of_a_budget_is_read(text: str, kind: str, amount: float) -> None:
    assert read_allowance(text) == Allowance(kind, amount)


@pytest.mark.parametrize("text", ["5", "m", "0m", "-3m", "5 hours", "2PF", "400steps", "1e400m", "5km"])
def test_what_is_no_budget_is_an_error_that_names_the_forms(text: str) -> None:
    with pytest.raises(ConfigError, match=r"5m \(minutes\), 1.5e15flops"):
        read_allowance(text)


def test_codecs_are_given_minutes_or_steps() -> None:
    assert read_budget("2.5m") == Budget(minutes=2.5)
    assert read_budget("400steps") == Budget(steps=400)
    for text in ("1.5e15flops", "1e400steps", "5km"):
        with pytest.raises(ConfigError, match="400steps"):
            read_budget(text)


def test_stages_that_train_the_model_use_the_allowance_together() -> None:
    stages = TINY.stages(0)[1:]
    share = stages[0].share
    assert share < 1, "else the codec's share would not show"
    assert run_budget(Allowance("minutes", 6.0), stages, []) == Budget(minutes=6.0 / share)
    steps = run_budget(Allowance("samples", 900.0), stages, [Cost(flops=2e6, samples=9.0)]).steps
    assert steps is not None and round(steps * share) == 100
    steps = run_budget(Allowance("flops", 2e8), stages, [Cost(flops=2e6, samples=9.0)]).steps
    assert steps is not None and round(steps * share) == 100
