"""A run that goes wrong stops, says which batch, and keeps its last good state."""

import json
import math
import os
import signal
from pathlib import Path

import pytest
import tiny_objective as tiny
import torch
from rich.console import Console

from motet.errors import CheckpointError, TrainingError
from motet.train import checkpoint, log
from motet.train.guard import Guard
from motet.train.loop import Budget, train

STEPS = 40
QUIET = Console(quiet=True)


def fail(run: Path, scale: dict[int, float]) -> tuple[tiny.Tiny, str]:
    objective = tiny.Tiny(scale=scale)
    with pytest.raises(TrainingError) as caught:
        train(objective, Budget(steps=STEPS), tiny.settings(lr=1e-4), run, "codec", console=QUIET)
    return objective, str(caught.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_it_reaches_the_weights(tmp_path: Path, bad: float) -> None:
    cursor = tiny.cursors(STEPS)[7]
    objective, message = fail(tmp_path, {cursor: bad})
    assert f"stage 'codec', step 7, batch cursor {cursor}" in message and "not finite" in message
    note = json.loads((tmp_path / "failed_batch.json").read_text())
    assert (note["stage"], note["step"], note["cursor"]) == ("codec", 7, cursor)
    assert all(p.isfinite().all() for p in objective.module.parameters())
    replay, _ = objective.batch(note["cursor"])
    assert not objective.losses(replay).total.isfinite()
    kept = checkpoint.load(tmp_path, "codec")
    assert kept is not None and kept.step == 5


def test_a_gradient_that_is_not_finite_stops_too(tmp_path: Path) -> None:
    class Sharp(tiny.Tiny):
        def losses(self, batch: object) -> tiny.Losses:
            losses = super().losses(batch)
            root = (self.module.norm.bias * 0).abs().sum().sqrt()  # 0, with an infinite slope
            return tiny.Losses(losses.total + root, losses.parts, losses.tokens)

    with pytest.raises(TrainingError, match="gradient is not finite"):
        train(Sharp(), Budget(steps=STEPS), tiny.settings(), tmp_path, "codec", console=QUIET)


def test_an_explosion_stops_at_its_third_step_and_is_not_saved(tmp_path: Path) -> None:
    order = tiny.cursors(STEPS)
    _, message = fail(tmp_path, {cursor: 30.0 for cursor in order[29:]})
    assert "step 31" in message and "exploded" in message
    kept = checkpoint.load(tmp_path, "codec")
    assert kept is not None and kept.step == 25  # a checkpoint was due after step 30


def test_a_budget_that_ends_in_a_spike_is_over_when_it_is_decided(tmp_path: Path) -> None:
    last = tiny.cursors(STEPS)[-1]
    objective = tiny.Tiny(scale={last: 30.0})
    result = train(objective, Budget(steps=STEPS), tiny.settings(lr=1e-4), tmp_path / "a", "codec", console=QUIET)
    assert result.finished and objective.cursors == tiny.cursors(STEPS + 1), "one more step told that all is well"
    _, message = fail(tmp_path / "b", dict.fromkeys(tiny.cursors(STEPS + 9)[STEPS - 1 :], 30.0))
    assert "exploded" in message
    kept = checkpoint.load(tmp_path / "b", "codec")
    assert kept is not None and kept.step == 35 and not kept.finished


def test_ctrl_c_in_a_spike_waits_until_it_is_decided_and_saves_no_explosion(tmp_path: Path) -> None:
    order = tiny.cursors(STEPS)
    ctrl_c = {order[29]: lambda: os.kill(os.getpid(), signal.SIGINT)}
    for folder, bad in (("hard", order[29:31]), ("explosion", order[29:])):
        objective = tiny.Tiny(at=ctrl_c, scale=dict.fromkeys(bad, 30.0))
        run = tmp_path / folder
        if folder == "hard":
            train(objective, Budget(steps=STEPS), tiny.settings(lr=1e-4), run, "codec", console=QUIET)
        else:
            with pytest.raises(TrainingError, match="exploded"):
                train(objective, Budget(steps=STEPS), tiny.settings(lr=1e-4), run, "codec", console=QUIET)
        kept = checkpoint.load(run, "codec")
        assert kept is not None and kept.step == {"hard": 32, "explosion": 25}[folder]


def test_a_failed_stage_goes_on_from_its_last_good_state_with_another_learning_rate_and_nothing_else(
    tmp_path: Path,
) -> None:
    _, message = fail(tmp_path, {tiny.cursors(STEPS)[7]: math.nan})
    assert "goes on with lr below 0.0001" in message
    lower = tiny.settings(lr=5e-5)
    with pytest.raises(CheckpointError, match="weight_decay"):
        train(
            tiny.Tiny(), Budget(steps=STEPS), tiny.settings(lr=5e-5, weight_decay=0.1), tmp_path, "codec", console=QUIET
        )
    objective = tiny.Tiny()
    result = train(objective, Budget(steps=STEPS), lower, tmp_path, "codec", console=QUIET)
    assert result.finished and objective.cursors == tiny.cursors(STEPS)[5:]
    starts = [(event["step"], event["peak_lr"]) for event in log.read(tmp_path) if event["event"] == "start"]
    assert starts == [(0, 1e-4), (5, 5e-5)]
    assert not (tmp_path / "failed_batch.json").exists()


def test_one_hard_batch_is_no_explosion() -> None:
    guard = Guard([])
    for i in range(100):
        assert guard.judge(9.0 if i % 10 in (3, 4) else 1.0, 1.0, {}) is None
    assert guard.spikes == 0 and max(guard.recent[-40:]) == 1.0


def test_a_loss_that_crosses_zero_is_not_judged_by_ratio() -> None:
    negative = Guard([-1.0] * 50)
    assert all(negative.judge(5.0, 1.0, {}) is None for _ in range(5))


def test_the_guard_of_a_resumed_run_judges_alike() -> None:
    first = Guard([])
    for i in range(70):
        first.judge(1.0 + 0.01 * i, 1.0, {})
    second = Guard(json.loads(json.dumps(first.recent)))
    assert second.recent == first.recent
    verdicts = [[guard.judge(50.0, 1.0, {}) for _ in range(3)] for guard in (first, second)]
    assert verdicts[0] == verdicts[1] and verdicts[0][:2] == [None, None] and verdicts[0][2] is not None


def test_a_part_that_is_nan_is_named() -> None:
    assert "image nan" in str(Guard([]).judge(1.0, 1.0, {"text": 1.0, "image": float(torch.tensor(math.nan))}))
