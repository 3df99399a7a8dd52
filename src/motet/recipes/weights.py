"""The weights of a run folder: two files, each marked with how far what it holds was trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from motet.errors import CheckpointError
from motet.model import Model
from motet.train.checkpoint import tensors_of
from motet.train.loop import Result
from motet.whole import whole

Weights = Literal["ema", "model"]


@dataclass(frozen=True)
class Mark:
    """The stage that trained last and its step; whether that was all that the run is to train."""

    stage: str
    step: int
    finished: bool


def write_weights(run: Path, model: Model, result: Result, *, finished: bool) -> None:
    """The raw weights, which the model holds, and then the averaged ones. Each file is whole or the one before."""
    mark = Mark(result.stage, result.step, finished)
    _write(run / "model.safetensors", model, mark)
    with result.ema.swapped():
        _write(run / "ema.safetensors", model, mark)


def read_weights(run: Path, weights: Weights) -> dict[str, Tensor]:
    """All tensors. Raises CheckpointError if there are none, or they cannot be read."""
    path = run / f"{weights}.safetensors"
    if not path.is_file():
        raise CheckpointError(
            f"there is no {path}: a run has it once the stage that trains the model itself, and not its codecs alone, "
            "has been saved; the same `motet train` command goes on with it"
        )
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); the same `motet train` command writes it") from error


def read_mark(run: Path, weights: Weights = "ema") -> Mark | None:
    """How far the weights were trained; None without them, and for a file that does not tell."""
    try:
        with safe_open(run / f"{weights}.safetensors", framework="pt") as file:
            told = file.metadata() or {}
    except (OSError, SafetensorError):
        return None
    return Mark(told["stage"], int(told["step"]), told["finished"] == "yes") if "stage" in told else None


def _write(path: Path, model: Model, mark: Mark) -> None:
    told = {"stage": mark.stage, "step": str(mark.step), "finished": "yes" if mark.finished else "no"}
    with whole(path) as partial:
        save_file(tensors_of(model), partial, metadata=told)
