"""A run that was stopped, however rudely, ends as one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_objective as tiny
import torch
from rich.console import Console
from safetensors.torch import load_file

from motet.errors import CheckpointError
from motet.train import log
from motet.train.loop import Budget, Result, train

STEPS = 23
QUIET = Console(quiet=True)
TIMES = ("elapsed", "tokens_per_s", "mfu")


def weights(run: Path) -> dict[str, torch.Tensor]:
    return {
        f"{name}/{key}": tensor
        for name in ("model", "ema")
        for key, tensor in load_file(run / "finished" / "model" / f"{name}.safetensors").items()
    }


def record(run: Path) -> list[dict[str, Any]]:
    """The log without times and without the facts of each start."""
    return [{k: v for k, v in e.items() if k not in TIMES} for e in log.read(run) if e["event"] != "start"]


def assert_equal_runs(one: Path, other: Path) -> None:
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys() and len(left) > 10
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name
    assert record(one) == record(other)
    assert sum(event["event"] == "train" for event in record(one)) == STEPS


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two runs, each killed by SIGKILL in the middle of its step 13, three steps after its last checkpoint."""
    root = tmp_path_factory.mktemp("killed")
    source = Path(log.__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, tiny.__file__]
    processes = {
        name: subprocess.Popen([*command, str(root / name), name, str(STEPS), "13"], env=env, stdout=subprocess.DEVNULL)
        for name in ("muon", "adamw")
    }
    for process in processes.values():
        assert process.wait(60) == -signal.SIGKILL
    return {name: root / name for name in processes}


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_killed_run_started_again_equals_the_uninterrupted_one_bit_for_bit(
    killed: dict[str, Path], optimizer: str, tmp_path: Path
) -> None:
    assert len([e for e in log.read(killed[optimizer]) if e["event"] == "train"]) == 13
    settings = tiny.settings(optimizer=optimizer)
    again, straight = tiny.Tiny(), tiny.Tiny()
    train(again, Budget(steps=STEPS), settings, killed[optimizer], "model", console=QUIET)
    train(straight, Budget(steps=STEPS), settings, tmp_path, "model", console=QUIET)
    assert again.cursors == tiny.cursors(STEPS)[10:]
    assert straight.cursors == tiny.cursors(STEPS)
    assert_equal_runs(killed[optimizer], tmp_path)
    for name, tensor in straight.module.state_dict().items():
        assert torch.equal(tensor, again.module.state_dict()[name]), name


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_and_saves_the_step_and_the_run_goes_on_from_there(tmp_path: Path, number: int) -> None:
    handler = signal.getsignal(number)
    asked = {tiny.cursors(STEPS)[7]: lambda: os.kill(os.getpid(), number)}
    stopped = train(tiny.Tiny(asked), Budget(steps=STEPS), tiny.settings(), tmp_path / "a", "model", console=QUIET)
    assert stopped.interrupted and stopped.step == 8
    assert signal.getsignal(number) is handler
    again = tiny.Tiny()
    result = train(again, Budget(steps=STEPS), tiny.settings(), tmp_path / "a", "model", console=QUIET)
    assert again.cursors == tiny.cursors(STEPS)[8:]
    assert not result.interrupted and result.step == STEPS
    train(tiny.Tiny(), Budget(steps=STEPS), tiny.settings(), tmp_path / "b", "model", console=QUIET)
    assert_equal_runs(tmp_path / "a", tmp_path / "b")


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tiny.Tiny({0: twice}), Budget(steps=STEPS), tiny.settings(), tmp_path, "model", console=QUIET)


def test_looking_more_often_changes_nothing_that_is_learnt(tmp_path: Path) -> None:
    often = tiny.settings(eval_at=tuple(i / STEPS for i in range(1, STEPS + 1)))
    train(tiny.Tiny(), Budget(steps=STEPS), often, tmp_path / "often", "model", console=QUIET)
    train(tiny.Tiny(), Budget(steps=STEPS), tiny.settings(eval_at=()), tmp_path / "never", "model", console=QUIET)
    looked = [sum(e["event"] == "eval" for e in record(tmp_path / name)) for name in ("often", "never")]
    assert looked == [STEPS, 0]
    left, right = weights(tmp_path / "often"), weights(tmp_path / "never")
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_a_finished_stage_is_loaded_and_not_trained_again(tmp_path: Path) -> None:
    first = tiny.Tiny()
    train(first, Budget(steps=6), tiny.settings(), tmp_path, "codec", console=QUIET)
    train(tiny.Tiny(), Budget(steps=6), tiny.settings(), tmp_path, "model", console=QUIET)
    again = tiny.Tiny()
    result = train(again, Budget(steps=99), tiny.settings(), tmp_path, "codec", console=QUIET)
    assert result.step == 6 and again.cursors == []
    assert torch.equal(again.module.embed.weight, first.module.embed.weight)
    result.ema.adopt()
    averaged = load_file(tmp_path / "finished" / "codec" / "ema.safetensors")["embed.weight"]
    assert torch.equal(again.module.embed.weight, averaged)
    assert not torch.equal(averaged, first.module.embed.weight)


def test_what_is_measured_at_the_end_of_a_stage_is_saved_with_it_and_not_measured_again(tmp_path: Path) -> None:
    first, again = tiny.Tiny(), tiny.Tiny()
    measured: list[torch.Tensor] = []

    def measure() -> None:
        measured.append(first.module.embed.weight.detach().clone())
        first.module.seen.fill_(1000)

    result = train(first, Budget(steps=6), tiny.settings(), tmp_path, "codec", console=QUIET, finish=measure)
    assert len(measured) == 1 and not torch.equal(measured[0], first.module.embed.weight)
    result.ema.adopt()
    assert torch.equal(measured[0], first.module.embed.weight), "the averaged weights were in place"
    train(again, Budget(steps=6), tiny.settings(), tmp_path, "codec", console=QUIET, finish=measure)
    assert len(measured) == 1 and again.module.seen == 1000


def test_each_save_is_told_with_the_weights_in_the_module_and_the_averages_beside(tmp_path: Path) -> None:
    told: list[tuple[int, bool]] = []
    objective = tiny.Tiny()

    def saved(result: Result) -> None:
        told.append((result.step, result.finished))
        stored = load_file(tmp_path / ("finished/model" if result.finished else "checkpoint") / "ema.safetensors")
        with result.ema.swapped():
            assert torch.equal(objective.module.embed.weight, stored["embed.weight"])

    train(objective, Budget(steps=STEPS), tiny.settings(), tmp_path, "model", console=QUIET, saved=saved)
    train(tiny.Tiny(), Budget(steps=STEPS), tiny.settings(), tmp_path, "model", console=QUIET, saved=saved)
    assert told == [(5, False), (10, False), (15, False), (20, False), (STEPS, True)]


def test_other_settings_are_refused_by_name_and_another_cadence_is_not(tmp_path: Path) -> None:
    stop = {tiny.cursors(9)[6]: lambda: os.kill(os.getpid(), signal.SIGTERM)}
    train(tiny.Tiny(stop), Budget(steps=9), tiny.settings(), tmp_path, "model", console=QUIET)
    with pytest.raises(CheckpointError, match=r"lr=0\.01 \(now 0\.02\)"):
        train(tiny.Tiny(), Budget(steps=9), tiny.settings(lr=0.02), tmp_path, "model", console=QUIET)
    with pytest.raises(CheckpointError, match="finish 'model' first"):
        train(tiny.Tiny(), Budget(steps=9), tiny.settings(), tmp_path, "other", console=QUIET)
    result = train(tiny.Tiny(), Budget(steps=9), tiny.settings(eval_at=(0.9,)), tmp_path, "model", console=QUIET)
    assert result.step == 9


def test_a_step_that_fails_because_of_ctrl_c_is_an_interruption_and_not_a_failure(tmp_path: Path) -> None:
    def killed_compiler() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise RuntimeError("the compiler died")

    fatal = {tiny.cursors(STEPS)[7]: killed_compiler}
    stopped = train(tiny.Tiny(fatal), Budget(steps=STEPS), tiny.settings(), tmp_path / "a", "model", console=QUIET)
    assert stopped.interrupted and stopped.step == 7
    result = train(tiny.Tiny(), Budget(steps=STEPS), tiny.settings(), tmp_path / "a", "model", console=QUIET)
    assert not result.interrupted and result.step == STEPS
    train(tiny.Tiny(), Budget(steps=STEPS), tiny.settings(), tmp_path / "b", "model", console=QUIET)
    assert_equal_runs(tmp_path / "a", tmp_path / "b")
