"""A checkpoint is whole or absent, whenever the process dies."""

import contextlib
import os
from pathlib import Path

import pytest
import tiny_objective as tiny
import torch

from motet.errors import CheckpointError
from motet.train import checkpoint
from motet.train.checkpoint import State


class Died(BaseException):
    """Stands for a process that ends here."""


def state(step: int, finished: bool = False) -> State:
    tensors = {"w": torch.full((3,), float(step))}
    return State("model", step=step, cursor=7 * step, finished=finished, model=tensors, ema=tensors, optimizer=tensors)


def die_at(monkeypatch: pytest.MonkeyPatch, call: int) -> list[str]:
    """Lets the process die instead of its `call`-th change of the disk; returns the list of calls made."""
    made: list[str] = []

    def counted(module: object, name: str) -> None:
        real = getattr(module, name)

        def wrapper(*args: object, **kwargs: object) -> object:
            made.append(name)
            if len(made) == call:
                if name == "rmtree":
                    next(Path(str(args[0])).glob("state.json")).unlink()  # it dies half-way through
                raise Died
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, wrapper)

    counted(checkpoint, "save_file")
    counted(checkpoint.os, "rename")
    counted(checkpoint.os, "fsync")
    counted(checkpoint.shutil, "rmtree")
    return made


@pytest.mark.parametrize("finished", [False, True])
def test_a_crash_at_any_moment_of_saving_leaves_one_loadable_state(tmp_path: Path, finished: bool) -> None:
    outcomes = []
    for call in range(1, 100):
        run = tmp_path / str(call)
        checkpoint.save(run, state(1))
        with pytest.MonkeyPatch.context() as patch:
            made = die_at(patch, call)
            with contextlib.suppress(Died):
                checkpoint.save(run, state(2, finished))
            completed = len(made) < call
        loaded = checkpoint.load(run, "model")
        assert loaded is not None
        for tensors in (loaded.model, loaded.ema, loaded.optimizer):
            assert torch.equal(tensors["w"], torch.full((3,), float(loaded.step)))
        outcomes.append(loaded.step)
        if loaded.finished:
            assert checkpoint.load(run, "the next stage") is None
        checkpoint.save(run, state(3))  # whatever was left lying about is not in the way
        assert [p.name for p in run.glob("*.*")] == []
        if completed:
            break
    assert outcomes == sorted(outcomes) and outcomes[0] == 1 and outcomes[-1] == 2
    assert len(outcomes) > 8


def test_a_finished_stage_replaces_its_checkpoint(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(1))
    checkpoint.save(tmp_path, state(2, finished=True))
    loaded = checkpoint.load(tmp_path, "model")
    assert loaded is not None and loaded.finished and loaded.cursor == 14
    assert not (tmp_path / "checkpoint").exists()


def test_nothing_saved_loads_as_none(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path, "model") is None


def test_a_checkpoint_holds_no_pickle_and_tied_weights_once(tmp_path: Path) -> None:
    model = tiny.TinyModel()
    tensors = checkpoint.tensors_of(model)
    assert "embed.weight" in tensors and "out.weight" not in tensors and "seen" in tensors
    folder = checkpoint.save(tmp_path, State("model", model=tensors, ema=tensors))
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    loaded = checkpoint.load(tmp_path, "model")
    assert loaded is not None
    other = tiny.TinyModel()
    checkpoint.restore(other, loaded.model)
    assert other.out.weight is other.embed.weight
    assert torch.equal(other.out.weight, model.out.weight)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = checkpoint.save(tmp_path, state(1))
    os.truncate(folder / "ema.safetensors", 9)
    with pytest.raises(CheckpointError, match=r"ema\.safetensors cannot be read"):
        checkpoint.load(tmp_path, "model")
    (folder / "state.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load(tmp_path, "model")


def test_another_model_is_refused_with_the_name_that_differs() -> None:
    model = torch.nn.Linear(2, 3)
    with pytest.raises(CheckpointError, match="'bias'"):
        checkpoint.restore(model, {"weight": model.weight})
    with pytest.raises(CheckpointError, match=r"\[3\] there and \[3, 2\] here"):
        checkpoint.restore(model, {"weight": torch.zeros(3), "bias": torch.zeros(3)})
