"""Saving and restoring a stage: a folder of safetensors and JSON that is whole or absent, whenever the process dies.

    RUN/checkpoint/           the stage in progress
    RUN/finished/<stage>/     each finished stage
        state.json            stage, step, cursor, seconds, settings, last losses
        model.safetensors     everything in the module's state_dict, tied tensors once
        ema.safetensors       the same with averaged weights: a complete model
        optimizer.safetensors `<what>/<parameter>`; only of a stage in progress

A new folder is written beside the old one, synced to disk and renamed into place; the old one goes aside first and is
deleted last, so that at every moment one of them can be loaded.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from motet.errors import CheckpointError
from motet.train.settings import Precision

_TEMPORARY, _PREVIOUS = ".writing", ".previous"


@dataclass
class State:
    """Where a stage is, and all that it needs to go on from there."""

    stage: str
    step: int = 0  # completed
    cursor: int = 0  # of the next batch
    elapsed: float = 0.0  # seconds used of the budget
    finished: bool = False
    recent: list[float] = field(default_factory=list)  # last total losses, by which a spike is told
    settings: dict[str, Any] = field(default_factory=dict)
    precision: Precision = "auto"  # that the machine chose when the stage began
    model: dict[str, Tensor] = field(default_factory=dict)
    ema: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)


_TENSORS = ("model", "ema", "optimizer")


def save(run: Path, state: State) -> Path:
    """Write `state` atomically and return its folder: `finished/<stage>` if it is finished, else `checkpoint`."""
    target = _finished(run, state.stage) if state.finished else run / "checkpoint"
    target.parent.mkdir(parents=True, exist_ok=True)
    _recover(target)
    temporary, previous = _beside(target, _TEMPORARY), _beside(target, _PREVIOUS)
    temporary.mkdir()
    for name in _TENSORS:
        if tensors := getattr(state, name):
            files = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
            save_file(files, temporary / f"{name}.safetensors")
    scalars = {key: value for key, value in vars(state).items() if key not in _TENSORS}
    (temporary / "state.json").write_text(json.dumps(scalars, indent=1) + "\n")
    for path in (*temporary.iterdir(), temporary):
        _sync(path)
    if target.exists():
        os.rename(target, previous)
    os.rename(temporary, target)
    _sync(target.parent)
    if previous.exists():
        shutil.rmtree(previous)
    if state.finished and (run / "checkpoint").exists():
        # Half a folder must not look like a checkpoint, so it loses its name before its files.
        leaving = _beside(run / "checkpoint", _TEMPORARY)
        os.rename(run / "checkpoint", leaving)
        shutil.rmtree(leaving)
    return target


def load(run: Path, stage: str) -> State | None:
    """The state of `stage` in this run, finished or in progress, or None if it has yet to begin.

    Also clears away what a killed process left half written.

    Raises:
        CheckpointError: the files cannot be read, or the run is in the middle of another stage.
    """
    for target in (_finished(run, stage), run / "checkpoint"):
        _recover(target)
        if target.exists():
            state = _scalars(target)
            if state.stage == stage:
                return _with_tensors(state, target)
            if not _finished(run, state.stage).exists():
                raise CheckpointError(
                    f"{target} is in the middle of stage {state.stage!r}, but stage {stage!r} was asked for; "
                    f"finish {state.stage!r} first, or use another run folder"
                )
    return None


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """The module's parameters and persistent buffers by name, tied ones once, under their first name. Not copies."""
    unique: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        unique.setdefault(id(tensor), (name, tensor))
    return {name: tensor.detach() for name, tensor in unique.values()}


@torch.no_grad()
def restore(module: nn.Module, saved: dict[str, Tensor]) -> None:
    """Copy what `tensors_of` gave back into the module.

    Raises:
        CheckpointError: names or shapes differ.
    """
    mine = tensors_of(module)
    if odd := sorted(set(mine) ^ set(saved)):
        raise CheckpointError(
            f"the checkpoint is of another model: {len(odd)} names are on one side only, "
            f"such as {odd[0]!r}; use another run folder"
        )
    for name, tensor in mine.items():
        if tensor.shape != saved[name].shape:
            raise CheckpointError(
                f"the checkpoint is of another model: {name!r} is {list(saved[name].shape)} there "
                f"and {list(tensor.shape)} here; use another run folder"
            )
        tensor.copy_(saved[name])


def _scalars(folder: Path) -> State:
    try:
        return State(**json.loads((folder / "state.json").read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(folder, error) from error


def _with_tensors(state: State, folder: Path) -> State:
    for name in _TENSORS:
        if (path := folder / f"{name}.safetensors").exists():
            try:
                setattr(state, name, load_file(path))
            except (OSError, SafetensorError) as error:
                raise _unreadable(path, error) from error
    return state


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path} cannot be read ({error}); remove its folder to begin the stage anew")


def _recover(target: Path) -> None:
    """Undo a save that was cut short: the old folder returns unless the new one is in place."""
    temporary, previous = _beside(target, _TEMPORARY), _beside(target, _PREVIOUS)
    if previous.exists() and not target.exists():
        os.rename(previous, target)
    for stale in (temporary, previous):
        if stale.exists():
            shutil.rmtree(stale)


def _finished(run: Path, stage: str) -> Path:
    return run / "finished" / stage


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
