"""Budgets, settings and the learning rate over them."""

import math
import os
import signal
from pathlib import Path

import pytest
import tiny_objective as tiny
from rich.console import Console

from motet.errors import ConfigError
from motet.train import log
from motet.train.loop import Budget, TrainSettings, train
from motet.train.schedule import learning_rate


def test_warm_up_is_linear_and_cosine_ends_at_the_floor() -> None:
    settings = TrainSettings(lr=2.0, warmup=4, floor=0.1)
    assert [learning_rate(settings, step, 0.0) for step in range(5)] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert learning_rate(settings, 9, 0.5) == pytest.approx(2 * 0.55)
    assert learning_rate(settings, 9, 1.0) == pytest.approx(0.2)


def test_wsd_stays_and_then_falls_in_its_last_part() -> None:
    settings = TrainSettings(lr=1.0, warmup=0, schedule="wsd", floor=0.0, cooldown=0.4)
    rates = [learning_rate(settings, 9, progress) for progress in (0.0, 0.6, 0.8, 1.0)]
    assert rates == pytest.approx([1.0, 1.0, 0.5, 0.0])


def test_progress_is_counted_in_steps_or_in_minutes() -> None:
    assert Budget(steps=8).progress(2, 1e9) == 0.25
    assert Budget(minutes=2.0).progress(999, 30.0) == 0.25
    assert Budget(minutes=2.0).progress(0, 500.0) == 1
    assert Budget(steps=8).seconds_left(2, 0.0, step_seconds=3.0) == 18
    assert Budget(minutes=2.0).seconds_left(2, 90.0, step_seconds=3.0) == 30


def test_a_budget_in_minutes_ends_on_time_over_both_halves_of_an_interrupted_run(tmp_path: Path) -> None:
    budget, settings, quiet = Budget(minutes=0.01), tiny.settings(eval_at=(0.5,)), Console(quiet=True)
    stop = {tiny.cursors(50)[20]: lambda: os.kill(os.getpid(), signal.SIGTERM)}
    first = train(tiny.Tiny(stop), budget, settings, tmp_path, "model", console=quiet)
    second = train(tiny.Tiny(), budget, settings, tmp_path, "model", console=quiet)
    assert first.interrupted and first.step == 21 and not second.interrupted
    assert 0.6 <= second.elapsed < 1.5
    steps = [event for event in log.read(tmp_path) if event["event"] == "train"]
    assert [event["step"] for event in steps] == list(range(1, second.step + 1))
    elapsed = [event["elapsed"] for event in steps]
    assert elapsed == sorted(elapsed)
    expected = [settings.lr * (0.1 + 0.45 * (1 + math.cos(math.pi * seconds / 0.6))) for seconds in elapsed[4:-1]]
    assert [event["lr"] for event in steps][5:] == pytest.approx(expected)


@pytest.mark.parametrize("given", [{}, {"steps": 1, "minutes": 1.0}, {"steps": 0}, {"minutes": -1.0}])
def test_a_budget_is_exactly_one_positive_number(given: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="a budget is"):
        Budget(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("cooldown", 0.2, "no effect on the cosine"),
        ("eval_at", (0.5, 2.0), "fractions of the budget"),
        ("ema", 1.0, r"from 0 to 0\.999999999"),
        ("clip", math.inf, "at least 0, finite"),
        ("checkpoint_steps", 0, "at least 1"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(name: str, value: object, says: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}.*{says}"):
        TrainSettings(**{name: value})  # type: ignore[arg-type]


def test_a_name_that_is_none_of_the_choices_is_answered_with_them() -> None:
    settings = TrainSettings()
    object.__setattr__(settings, "schedule", "linear")  # past the tests' own type checker, as a user's program would be
    with pytest.raises(ConfigError, match="'linear' is none of cosine, wsd"):
        settings.__post_init__()
