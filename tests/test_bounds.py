"""Bounds of numbers: both ends are inside, and the error says what was expected."""

import math
from dataclasses import dataclass

import pytest

from motet.bounds import check_bounds
from motet.errors import ConfigError


@dataclass(frozen=True)
class Knobs:
    share: float = 0.5
    rows: int | None = 1


@pytest.mark.parametrize("inside", [Knobs(0.0), Knobs(1.0), Knobs(rows=10**9), Knobs(rows=None)])
def test_what_is_inside_passes_and_none_is_no_number(inside: Knobs) -> None:
    check_bounds(inside, "share", low=0, high=1)
    check_bounds(inside, "rows", low=1)


@pytest.mark.parametrize(
    ("outside", "said"),
    [
        (Knobs(1.5), "share is 1.5; expected a number from 0 to 1"),
        (Knobs(math.nan), "share is nan; expected a number from 0 to 1, finite"),
        (Knobs(rows=0), "rows is 0; expected a number at least 1"),
    ],
)
def test_what_is_outside_is_named_with_what_was_expected(outside: Knobs, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_bounds(outside, "share", low=0, high=1)
        check_bounds(outside, "rows", low=1)
    assert str(caught.value) == said
