"""Codecs: trained once, and shared by all runs whose codecs agree.

A recipe's first stages may train nothing but codecs (pixels through a codec, an encoder by contrast, a decoder of
features). Each such stage is run once under its own seed, into a folder named by a hash of what decides the result:

    the data; the stage's name, training settings, seed and budget; what its objective holds: plain settings, such as
    the size of a batch, and modules, by class, settings and shapes; which of their parameters learn; and the earlier
    stages that trained any of these modules

so that recipes with equal codecs share the folder, and every run of every seed starts from the same bits. A claim about
codecs themselves trains some for each seed of its runs: then intervals speak of their luck, too.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from torch import nn

from motet.codecs.text import TextCodec
from motet.config import to_dict
from motet.data.corpus import Corpus
from motet.nn.compiler import forget_compiled
from motet.recipes.recipe import Recipe, Stage, initialised
from motet.recipes.run import best_device
from motet.recipes.trained_codecs import put_codecs, save_codecs, trained_codecs
from motet.train.loop import train
from motet.train.objective import Objective
from motet.train.settings import Budget
from motet.whole import write_json

SEED = 0
FILE = "codecs.safetensors"


@dataclass(frozen=True)
class Workshop:
    """Where codecs are trained, for how long each stage, on what, and under which seed."""

    folder: Path
    budget: Budget
    corpus: Corpus
    console: Console
    seed: int = SEED


def prepared(recipe: Recipe, text: TextCodec, workshop: Workshop) -> dict[str, Path] | None:
    """A file of trained codecs for each stage of the recipe that trains nothing else; None if it was interrupted.

    What is there already is not trained again. Raises what ``motet.train.loop.train`` raises.
    """
    known = workshop.folder / f"{_digest(_asked(recipe, workshop))}.json"
    if known.is_file():
        files = {stage: workshop.folder / name / FILE for stage, name in json.loads(known.read_text()).items()}
        if all(path.is_file() for path in files.values()):
            return files
    model = initialised(recipe, text, workshop.seed).to(best_device())
    names: dict[str, str] = {}
    made: dict[nn.Module, str] = {}  # the folder of the last stage that trained it
    for stage in recipe.stages(workshop.seed)[:-1]:  # the last one trains the model
        objective = stage.objective(model, workshop.corpus)
        parts = trained_codecs(model, objective)
        if parts is None:
            break
        name = f"{stage.name}-{_digest(_decides(stage, objective, made, workshop))}"
        path = workshop.folder / name
        if not (path / FILE).is_file():
            workshop.console.print(f"training what stage {stage.name!r} makes of codecs once, to be shared: {path}")
            result = train(
                objective,
                workshop.budget,
                stage.settings,
                path,
                stage.name,
                console=workshop.console,
                finish=partial(stage.finish, model, workshop.corpus),
            )
            if not result.finished or result.interrupted:
                return None
            result.ema.adopt()
            forget_compiled(model)
            save_codecs(parts, path / FILE)
        put_codecs(model, path / FILE)
        names[stage.name] = name
        made |= dict.fromkeys(parts, name)
    known.parent.mkdir(parents=True, exist_ok=True)
    write_json(known, names)
    return {stage: workshop.folder / name / FILE for stage, name in names.items()}


def _asked(recipe: Recipe, workshop: Workshop) -> dict[str, Any]:
    """All that could matter: whoever asks for the same gets the same without a look at the codecs."""
    return {
        "recipe": type(recipe).__qualname__,
        "settings": to_dict(recipe),
        "data": workshop.corpus.name,
        "budget": to_dict(workshop.budget),
        "seed": workshop.seed,
    }


def _decides(stage: Stage, objective: Objective, made: Mapping[nn.Module, str], workshop: Workshop) -> dict[str, Any]:
    """What decides the codecs that a stage trains, wherever in a recipe they stand."""
    held = vars(objective)
    modules = {name: value for name, value in held.items() if isinstance(value, nn.Module)}
    seen = {part for module in modules.values() for part in module.modules()}
    return {
        "data": workshop.corpus.name,
        "size": list(workshop.corpus.train.size),
        "stage": stage.name,
        "training": stage.settings.numerics(),
        "budget": to_dict(workshop.budget),
        "objective": type(objective).__qualname__,
        "settings": {name: repr(value) for name, value in held.items() if _is_plain(value)},
        "modules": {name: _structure(module) for name, module in modules.items()},
        "learns": [name for name, parameter in objective.module.named_parameters() if parameter.requires_grad],
        "before": sorted({name for part, name in made.items() if not seen.isdisjoint(part.modules())}),
    }


def _is_plain(value: Any) -> bool:
    """Whether it is written the same wherever it is."""
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _structure(module: nn.Module) -> list[str]:
    """A module but for its weights: classes and settings of its parts, names and shapes of its tensors."""
    parts = [
        f"{name} {type(part).__qualname__} "
        + " ".join(f"{key}={_spelt(value)}" for key, value in sorted(vars(part).items()) if _is_setting(key))
        for name, part in module.named_modules()
    ]
    return parts + [f"{name} {list(tensor.shape)}" for name, tensor in module.state_dict().items()]


def _is_setting(name: str) -> bool:
    return not name.startswith("_") and name != "training"


def _spelt(value: Any) -> str:
    """A setting as it is written; of any other object, which would write its address in memory, the class."""
    plain = value is None or isinstance(value, bool | int | float | str | tuple) or is_dataclass(value)
    return repr(value) if plain else type(value).__qualname__


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
