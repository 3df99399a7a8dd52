"""A mean's bootstrap interval."""

import math

import pytest
import torch

from motet.errors import DataError
from motet.evaluate.interval import mean_interval


def test_the_interval_of_a_large_sample_agrees_with_the_normal_one() -> None:
    values = torch.randn(2000, generator=torch.Generator().manual_seed(1)) * 3 + 5
    mean, low, high = mean_interval(values)
    half = 1.96 * float(values.std()) / math.sqrt(len(values))
    assert mean == pytest.approx(float(values.double().mean()))
    assert low == pytest.approx(mean - half, abs=0.1 * half)
    assert high == pytest.approx(mean + half, abs=0.1 * half)


def test_about_95_percent_of_intervals_cover_the_true_proportion() -> None:
    rng = torch.Generator().manual_seed(2)
    trials = [mean_interval(torch.rand(100, generator=rng) < 0.4, seed=i) for i in range(200)]
    covered = sum(interval.low <= 0.4 <= interval.high for interval in trials) / len(trials)
    assert 0.90 <= covered <= 0.99


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = torch.arange(50.0)
    assert mean_interval(values, 3) == mean_interval(values, 3)
    assert mean_interval(values, 3) != mean_interval(values, 4)


def test_equal_values_have_an_interval_without_width() -> None:
    assert mean_interval([True, True, True]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], torch.zeros(2, 2)])
def test_values_without_a_mean_are_refused(values: object) -> None:
    with pytest.raises(DataError):
        mean_interval(values)  # type: ignore[arg-type]


def test_a_proportion_is_printed_in_percent() -> None:
    assert mean_interval([1.0, 1.0]).percent() == "100.0 % [100.0, 100.0]"
