"""A run: a recipe trained on a source into one self-contained folder, and a model loaded back from it.

RUN/config.json          recipe, size and all settings as resolved; the data; the budget; the version that made it
    data.json            how many documents, and a digest of them: a run goes on with the same ones alone, wherever
                         they lie
    tokenizer.json       the text codec
    model.safetensors    all weights and statistics, codecs included, as last saved; none while only codecs learn
    ema.safetensors      the same, averaged over training: what is used by default
    log.jsonl            every step, evaluation and stage
    previews/            grids of samples
    checkpoint/, finished/   what a resumed run goes on from
    lock                 held by the process that trains it
    failed_batch.json    after a failure: the batch, and which stage may go on with a lower learning rate
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from motet.alone import alone
from motet.config import differences, from_dict, to_dict
from motet.data.corpus import Corpus
from motet.errors import CheckpointError, ConfigError, TrainingError
from motet.model import Model
from motet.nn.backend import choose_backend
from motet.nn.compiler import forget_compiled
from motet.pipeline import Pipeline
from motet.recipes.recipe import Recipe, Stage, initialised
from motet.recipes.registry import RECIPES
from motet.recipes.rows import LEFT_OUT, fitting
from motet.recipes.same_data import changed_data, write_data
from motet.recipes.trained_codecs import put_codecs, trained_codecs
from motet.recipes.weights import Weights, read_mark, read_weights, write_weights
from motet.seed import checked_seed
from motet.train.checkpoint import restore
from motet.train.failure import failed_stage
from motet.train.loop import Result, train
from motet.train.settings import CADENCE, Budget, TrainSettings
from motet.types import PathLike
from motet.whole import write_json

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunConfig:
    """What a run was asked to do, resolved. Raises ConfigError for a budget that is none, or a seed out of range."""

    recipe: str
    settings: dict[str, Any]
    data: str
    minutes: float | None
    steps: int | None
    seed: int
    version: str

    def __post_init__(self) -> None:
        checked_seed(self.seed)
        Budget(steps=self.steps, minutes=self.minutes)

    def build(self) -> Recipe:
        return from_dict(recipe_class(self.recipe), self.settings)

    def budget(self) -> str:
        """The budget of all stages together, in words."""
        return f"{self.minutes:g} minutes" if self.minutes is not None else f"{self.steps} steps"


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

    A finished run is left as it is, whatever the budget says now. Data that have another name than when the run was
    begun are known by their documents, and the run takes the new name.
    codecs: files of trained codecs (``recipes/trained_codecs.py``) by the stage that each stands for; those stages are
    left out. Documents that are longer than the recipe's rows are left out too, with a warning.
    Raises CheckpointError if the folder holds a run of other settings, was begun on other data, or is being trained by
    another process; DataError for data that cannot be used, ShapeError if more than a tenth of the documents are too
    long, CapabilityError for attention that cannot be trained here, and what ``motet.train.loop.train`` raises.
    """
    if is_finished(run, config):
        return True
    identity = corpus.identity()
    _same_data(run, identity)
    if _all_trained(run):  # on the same data under another name
        return True
    recipe = config.build()
    tokenizer = run / "tokenizer.json"
    text = recipe.open_text(tokenizer) if tokenizer.is_file() else recipe.text_codec(corpus)
    corpus = fitting(recipe, text, corpus, at_most=LEFT_OUT)
    corpus.decode()
    model = initialised(recipe, text, config.seed).to(best_device())
    choose_backend(model.backbone.attention, model.device, grad=True, row_length=model.row_length)
    # whatever cannot be trained has been refused by now, before anything is written
    run.mkdir(parents=True, exist_ok=True)
    with alone(run):
        _tell_new_budget(run, config)
        write_json(run / "config.json", to_dict(config))
        write_data(run, identity, corpus.train.taught())
        if not tokenizer.is_file():
            text.save(tokenizer)
        stages = recipe.stages(config.seed)
        for stage in stages:
            if codecs is not None and stage.name in codecs:
                put_codecs(model, codecs[stage.name])
            elif not _carry_out(stage, model, corpus, run, config=config, last=stage is stages[-1], console=console):
                return False
    return True


def is_begun(run: Path) -> bool:
    """Whether a folder holds a run; if not it is empty, or not there. Raises ConfigError for one of other things."""
    if (run / "config.json").is_file():
        return True
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise ConfigError(f"--out {run} holds something that is no run; give a folder that is empty or not there yet")
    return False


def is_finished(run: PathLike, config: RunConfig) -> bool:
    """Whether ``run`` holds this run with all of its stages trained; its budget may be another.

    Data under another name may be the same, but that is not known before they are read: False.
    Raises CheckpointError if the folder holds a run of other settings.
    """
    if not (Path(run) / "config.json").is_file():
        return False
    _same_settings(Path(run), config)
    return _all_trained(Path(run)) and read_config(run).data == config.data


def load(run: PathLike, *, weights: Weights = "ema", device: torch.device | str | None = None) -> Pipeline:
    """The model of a run folder, ready to generate; on ``best_device()`` unless another is named.

    Of an unfinished run these are the weights of its last save, and a warning says so. Raises CheckpointError if the
    folder is not a run, if nothing but its codecs has been trained, or if its files do not fit each other.
    """
    config = read_config(run)
    recipe = config.build()
    tensors = read_weights(Path(run), weights)
    mark = read_mark(Path(run), weights)
    if mark is not None and not mark.finished:
        _log.warning(
            "%s is not finished: these are its weights after step %d of stage %r; the same `motet train` command "
            "goes on with it",
            run,
            mark.step,
            mark.stage,
        )
    model = recipe.build(recipe.open_text(Path(run) / "tokenizer.json"))
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


def _carry_out(
    stage: Stage, model: Model, corpus: Corpus, run: Path, *, config: RunConfig, last: bool, console: Console | None
) -> bool:
    """Trains a stage, or loads it, and leaves its averaged weights in the model; False if it was interrupted."""
    objective = stage.objective(model, corpus)
    # While nothing but codecs has learned, the rest is random: there is nothing yet to load.
    generates = last or trained_codecs(model, objective) is None

    def export(result: Result) -> None:
        if generates and result.step:
            write_weights(run, model, result, finished=last and result.finished)

    try:
        result = train(
            objective,
            _share(config, stage.share),
            stage.settings,
            run,
            stage.name,
            console=console,
            finish=partial(stage.finish, model, corpus),
            saved=export,
        )
    except TrainingError as error:
        lower = " or ".join(f"--set {name}.lr={stage.settings.lr / 2:g}" for name in _trains_by(config.build(), stage))
        raise TrainingError(f"{error}: the same `motet train` command with {lower or 'a lower lr'}") from error
    if not result.finished or (result.interrupted and not last):
        return False
    if last and not is_finished(run, config):  # killed between its last save and its weights
        export(result)
    result.ema.adopt()
    forget_compiled(model)
    return True


def _all_trained(run: Path) -> bool:
    mark = read_mark(run)
    return (run / "config.json").is_file() and mark is not None and mark.finished


def _same_settings(run: Path, config: RunConfig) -> None:
    """Checks that the run in the folder is this one. A stage that has failed may have another learning rate.

    When it looks and saves may change, and how it draws. Data may have another name, unless the name is all that the
    folder tells of them.
    """
    theirs, mine = read_config(run), _told(config)
    try:
        odd = differences(_told(theirs), mine)
    except ConfigError as error:
        raise CheckpointError(
            f"{run} holds a run of motet {theirs.version} whose settings are none here: {error}; use another --out"
        ) from error
    free = {"data"} if (run / "data.json").is_file() else set()
    if failed := failed_stage(run):
        recipe = theirs.build()
        stages = [stage for stage in recipe.stages(theirs.seed) if stage.name == failed]
        free |= {f"{name}.lr" for stage in stages for name in _trains_by(recipe, stage)}
    free |= {name for name in odd if name.startswith("sampling.") or name.rpartition(".")[2] in CADENCE}
    told = [odd["recipe"]] if "recipe" in odd else [words for name, words in odd.items() if name not in free]
    if told:
        raise CheckpointError(
            f"{run} holds a run with other settings: {', '.join(told)}. Use another --out, or the same settings to "
            "go on with it"
        )


def _tell_new_budget(run: Path, config: RunConfig) -> None:
    """Warns if the run in the folder was begun, or went on last, with another budget."""
    if (run / "config.json").is_file() and (before := read_config(run).budget()) != config.budget():
        _log.warning("%s had a budget of %s; it goes on with one of %s", run, before, config.budget())


def _told(config: RunConfig) -> dict[str, Any]:
    """What makes a run the one that it is; of a setting that came since it was begun, what it is by default."""
    return {"recipe": config.recipe, "data": config.data, "seed": config.seed, **to_dict(config.build())}


def _trains_by(recipe: Recipe, stage: Stage) -> list[str]:
    """The recipe's settings that a stage trains by, such as "training"."""
    mine = {name: value for name, value in vars(recipe).items() if isinstance(value, TrainSettings)}
    return [name for name, value in mine.items() if replace(value, seed=stage.settings.seed) == stage.settings]


def _same_data(run: Path, mine: Mapping[str, Any]) -> None:
    """Checks that a run that was begun learned from these documents, and is judged on these."""
    if changed := changed_data(run, mine):
        raise CheckpointError(
            f"{run} was begun on other data: {'; '.join(changed.values())}. Files or captions were changed, "
            "`motet data check` has set some aside, or another version of motet makes other `scenes`. To learn from "
            "what is there now, use another --out; to go on, put the data back as it was"
        )


def _share(config: RunConfig, share: float) -> Budget:
    if config.minutes is not None:
        return Budget(minutes=config.minutes * share)
    assert config.steps is not None
    return Budget(steps=max(1, round(config.steps * share)))


__all__ = ["RunConfig", "Weights", "is_finished", "load", "read_config", "recipe_class", "train_run"]
