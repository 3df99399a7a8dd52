"""What claims expect: each kind of expectation is seen, refuted or left open by intervals alone."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from motet.evaluate.claims.expected import Above, AsGood, Below, Expectation, Expected, rule_of, verdict_of
from motet.evaluate.over_seeds import OverSeeds

LOWER, HIGHER = Expected("size", "a", "lower", "b"), Expected("size", "a", "higher", "b")
NO_LARGER, NO_SMALLER = AsGood("size", "a", "lower", "b", most=0.1), AsGood("size", "a", "higher", "b", most=0.1)
POSITIVE = Above("size", "a", 0.0, least=0.5)
LOW = Below("size", "a", 0.5)


@pytest.mark.parametrize(
    ("seen", "expected", "a", "b", "half"),
    [
        ("seen", LOWER, 8.0, 10.0, 0.5),
        ("refuted", LOWER, 10.0, 8.0, 0.5),
        ("open", LOWER, 9.0, 10.0, 2.0),
        ("seen", HIGHER, 10.0, 8.0, 0.5),
        ("refuted", HIGHER, 8.0, 10.0, 0.5),
        ("refuted", HIGHER, 10.0, 10.0, 0.01),  # no gain of 2 % is left
        ("refuted", LOWER, 9.9, 10.0, 0.03),  # a gain, and certain, but of less than 2 %
        ("seen", NO_LARGER, 10.2, 10.0, 0.1),
        ("seen", NO_LARGER, 5.0, 10.0, 0.1),
        ("refuted", NO_LARGER, 12.0, 10.0, 0.1),
        ("open", NO_LARGER, 11.0, 10.0, 0.1),
        ("seen", NO_SMALLER, 9.5, 10.0, 0.1),
        ("refuted", NO_SMALLER, 8.0, 10.0, 0.1),
        ("seen", POSITIVE, 0.7, 0.0, 0.5),
        ("refuted", POSITIVE, 0.2, 0.0, 0.1),
        ("refuted", POSITIVE, -0.2, 0.0, 0.5),
        ("open", POSITIVE, 0.2, 0.0, 0.5),
        ("seen", LOW, 0.3, 0.0, 0.1),
        ("refuted", LOW, 0.7, 0.0, 0.1),
        ("open", LOW, 0.45, 0.0, 0.1),
    ],
)
def test_an_expectation_is_judged_by_intervals(
    rigged: Callable[..., Any], seen: str, expected: Expectation, a: float, b: float, half: float
) -> None:
    found, told = expected.look(rigged({"a": {"size": a}, "b": {"size": b}}, half))
    assert found == seen, told
    assert "a" in told and f"{a:.3g}" in told


@pytest.mark.parametrize("expected", [LOWER, NO_LARGER, POSITIVE])
def test_one_seed_and_what_was_not_measured_leave_it_open(expected: Expectation) -> None:
    one = {arm: {"size": OverSeeds(1.0, None, None, 1)} for arm in ("a", "b")}
    assert expected.look(one) == ("open", expected.look(one)[1]) and "one seed" in expected.look(one)[1]
    seen, told = expected.look({"b": one["b"]})
    assert seen == "open" and "not measured" in told


@pytest.mark.parametrize(
    ("expected", "a", "told"),
    [(LOWER, 8.0, "lower by 2 ["), (LOWER, 12.0, "higher by 2 ["), (HIGHER, 8.0, "lower by 2 [")],
)
def test_a_difference_is_told_by_the_side_it_lies_on(
    rigged: Callable[..., Any], expected: Expectation, a: float, told: str
) -> None:
    _, sentence = expected.look(rigged({"a": {"size": a}, "b": {"size": 10.0}}, 0.5))
    assert f"a is {told}" in sentence
    low, high = re.findall(r"\[([\d.]+), ([\d.]+)\]", sentence)[-1]
    assert 0 < float(low) < 2 < float(high)


def test_a_verdict_needs_all_of_it_and_one_refuted_is_enough_against(rigged: Callable[..., Any]) -> None:
    summary = rigged({"a": {"size": 8.0}, "b": {"size": 10.0}}, 0.1)
    assert verdict_of((LOWER, NO_LARGER, POSITIVE), summary).word == "holds"
    assert verdict_of((LOWER, HIGHER), summary).word == "does not hold here"
    wide = rigged({"a": {"size": 9.0}, "b": {"size": 10.0}}, 2.0)
    assert verdict_of((LOWER, POSITIVE), wide).word == "undecided"
    assert [reason.partition(":")[0] for reason in verdict_of((LOWER, POSITIVE), wide).reasons] == ["open", "seen"]


def test_the_rule_says_what_each_expectation_asks() -> None:
    rule = rule_of((LOWER, NO_LARGER, POSITIVE))
    assert "size of a is lower than that of b (least gain 2 %)" in rule
    assert (
        "size of a is about as good as that of b (lower is better; seen if all of the interval lies less than 10 %"
        in rule
    )
    assert "size of a is above 0 (refuted if none of its interval reaches 0.5, else seen if all of it is)" in rule
