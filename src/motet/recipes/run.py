"""A run: a recipe trained on a source into one self-contained folder, and a model loaded back from it.

RUN/config.json          recipe, size and all settings as resolved; the data; the budget; the version that made it
    tokenizer.json       the text codec
    model.safetensors    all weights and statistics, codecs included, as last trained
    ema.safetensors      the same, averaged over training: what is used by default
    log.jsonl            every step, evaluation and stage
    previews/            grids of samples
    checkpoint/, finished/   what a resumed run goes on from
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from motet.config import from_dict, to_dict
from motet.data.corpus import Corpus
from motet.errors import CheckpointError, ConfigError
from motet.model import Model
from motet.pipeline import Pipeline
from motet.recipes.recipe import Recipe, initialised
from motet.recipes.registry import RECIPES
from motet.recipes.trained_codecs import put_codecs
from motet.train.checkpoint import restore, tensors_of
from motet.train.ema import Ema
from motet.train.loop import train
from motet.train.settings import Budget
from motet.types import PathLike

Weights = Literal["ema", "model"]


@dataclass(frozen=True)
class RunConfig:
    """What a run was asked to do, resolved."""

    recipe: str
    settings: dict[str, Any]
    data: str
    minutes: float | None
    steps: int | None
    seed: int
    version: str

    def build(self) -> Recipe:
        return from_dict(recipe_class(self.recipe), self.settings)


def recipe_class(name: str) -> type[Recipe]:
    if name not in RECIPES:
        raise ConfigError(f"unknown recipe {name!r}; expected one of: {', '.join(RECIPES)}")
    return RECIPES[name]


def best_device() -> torch.device:
    """A CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train_run(
    config: RunConfig,
    corpus: Corpus,
    run: Path,
    *,
    console: Console | None = None,
    codecs: Mapping[str, Path] | None = None,
) -> bool:
    """Trains every stage of a recipe, going on from what ``run`` holds; False if it was interrupted (and saved).

    codecs: files of trained codecs (``recipes/trained_codecs.py``) by the stage that each stands for; those stages are
    left out.
    Raises CheckpointError if the folder holds a run of other settings, and what ``motet.train.loop.train`` raises.
    """
    run.mkdir(parents=True, exist_ok=True)
    _claim(run, config)
    recipe = config.build()
    tokenizer = run / "tokenizer.json"
    if not tokenizer.is_file():
        recipe.text_codec(corpus).save(tokenizer)
    model = initialised(recipe, recipe.open_text(tokenizer), config.seed).to(best_device())
    for stage in recipe.stages(config.seed):
        if codecs is not None and stage.name in codecs:
            put_codecs(model, codecs[stage.name])
            continue
        objective = stage.objective(model, corpus)
        result = train(objective, _share(config, stage.share), stage.settings, run, stage.name, console=console)
        _export(model, result.ema, run)
        if result.interrupted:
            return False
        stage.finish(model, corpus)
        _write(run / "ema.safetensors", model)
    return True


def load(run: PathLike, *, weights: Weights = "ema", device: torch.device | str | None = None) -> Pipeline:
    """The model of a run folder, ready to generate; on ``best_device()`` unless another is named.

    Raises CheckpointError if the folder is not a run, or its files do not fit each other.
    """
    config = read_config(run)
    recipe = config.build()
    model = recipe.build(recipe.open_text(Path(run) / "tokenizer.json"))
    path = Path(run) / f"{weights}.safetensors"
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); a run has one after its first stage") from error
    restore(model, tensors)
    return Pipeline(model.to(device or best_device()), recipe.sampling)


def read_config(run: PathLike) -> RunConfig:
    path = Path(run) / "config.json"
    if not path.is_file():
        raise CheckpointError(
            f"{run} is not a run folder: it has no config.json; `motet train ... --out {run}` makes one"
        )
    try:
        return from_dict(RunConfig, json.loads(path.read_text()))
    except (json.JSONDecodeError, ConfigError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def _claim(run: Path, config: RunConfig) -> None:
    """Writes the config, or checks that the one in the folder asks for the same."""
    path = run / "config.json"
    if path.is_file():
        mine, theirs = to_dict(config), to_dict(read_config(run))
        odd = [name for name in mine if name not in ("minutes", "steps", "version") and mine[name] != theirs[name]]
        if odd:
            raise CheckpointError(
                f"{run} holds a run with another {' and '.join(odd)}; "
                "use another --out, or the same settings to go on with it"
            )
    _replace(path, json.dumps(to_dict(config), indent=2) + "\n")


def _share(config: RunConfig, share: float) -> Budget:
    if config.minutes is not None:
        return Budget(minutes=config.minutes * share)
    assert config.steps is not None
    return Budget(steps=max(1, round(config.steps * share)))


def _export(model: Model, ema: Ema, run: Path) -> None:
    """Writes the raw weights, then puts the averaged ones in place and writes those."""
    _write(run / "model.safetensors", model)
    ema.adopt()
    _write(run / "ema.safetensors", model)


def _write(path: Path, model: Model) -> None:
    partial = path.with_suffix(".partial")
    save_file(tensors_of(model), partial)
    os.replace(partial, path)


def _replace(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    os.replace(partial, path)


__all__ = ["RunConfig", "load", "read_config", "recipe_class", "train_run"]
