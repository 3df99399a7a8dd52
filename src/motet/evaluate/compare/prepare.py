"""Codecs: trained once, and shared by all runs whose codecs agree.

A recipe's first stages may train nothing but codecs (pixels through a codec, an encoder by contrast, a decoder of
features). Each such stage is run once under its own seed, into a folder named by a hash of what decides the result:

    the data; the stage's name, training settings, seed and budget; the codecs that it trains, by class, settings and
    shapes; the recipe's settings that bear its name (``codec``, ``codec_batch`` ... for the stage "codec"); and the
    earlier stages that trained the same codecs

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

from motet.codecs.codec import Codec
from motet.codecs.text import TextCodec
from motet.config import to_dict
from motet.data.corpus import Corpus
from motet.model import Model
from motet.nn.compiler import forget_compiled
from motet.recipes.recipe import Recipe, Stage, initialised
from motet.recipes.run import best_device
from motet.recipes.trained_codecs import put_codecs, save_codecs, trained_codecs
from motet.train.loop import train
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
        return {stage: workshop.folder / name / FILE for stage, name in json.loads(known.read_text()).items()}
    model = initialised(recipe, text, workshop.seed).to(best_device())
    names: dict[str, str] = {}
    made: dict[str, str] = {}  # by modality, the folder of the last stage that trained its codec
    for stage in recipe.stages(workshop.seed)[:-1]:  # the last one trains the model
        objective = stage.objective(model, workshop.corpus)
        modalities = trained_codecs(model, objective)
        if modalities is None:
            break
        before = {name: made[name] for name in modalities if name in made}
        name = f"{stage.name}-{_digest(_decides(recipe, stage, model, modalities, workshop) | {'before': before})}"
        path = workshop.folder / name
        if not (path / FILE).is_file():
            workshop.console.print(f"training the codecs of {', '.join(modalities)} once, to be shared: {path}")
            result = train(
                objective,
                workshop.budget,
                stage.settings,
                path,
                stage.name,
                console=workshop.console,
                finish=partial(stage.finish, model, workshop.corpus),
            )
            if result.interrupted:
                return None
            result.ema.adopt()
            forget_compiled(model)
            save_codecs(model, modalities, path / FILE)
        put_codecs(model, path / FILE)
        names[stage.name] = name
        made |= dict.fromkeys(modalities, name)
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


def _decides(recipe: Recipe, stage: Stage, model: Model, modalities: list[str], workshop: Workshop) -> dict[str, Any]:
    """What decides the codecs that a stage trains."""
    settings = to_dict(recipe)
    return {
        "data": workshop.corpus.name,
        "side": recipe.image_size,
        "stage": stage.name,
        "training": stage.settings.numerics(),
        "budget": to_dict(workshop.budget),
        "codecs": {name: _structure(model.modality(name).codec) for name in modalities},
        "settings": {
            name: value
            for name, value in settings.items()
            if name == stage.name or (name.startswith(f"{stage.name}_") and not name.endswith("_share"))
        },
    }


def _structure(codec: Codec) -> list[str]:
    """A codec but for its weights: classes and settings of its modules, names and shapes of its tensors."""
    modules = [
        f"{name} {type(module).__qualname__} "
        + " ".join(f"{key}={_spelt(value)}" for key, value in sorted(vars(module).items()) if _is_setting(key))
        for name, module in codec.named_modules()
    ]
    return modules + [f"{name} {list(tensor.shape)}" for name, tensor in codec.state_dict().items()]


def _is_setting(name: str) -> bool:
    return not name.startswith("_") and name != "training"


def _spelt(value: Any) -> str:
    """A setting as it is written; of any other object, which would write its address in memory, the class."""
    plain = value is None or isinstance(value, bool | int | float | str | tuple) or is_dataclass(value)
    return repr(value) if plain else type(value).__qualname__


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
