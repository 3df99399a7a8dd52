"""One run of a comparison: codecs, training, measuring, and its record; in a process of its own.

    python -m motet.evaluate.compare JOB.json

A process for each run keeps what one leaves in memory, or dies of, away from the others. It writes the record itself,
so a finished run is kept even if whoever started it is gone.
"""

import resource
import shutil
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from safetensors.torch import load_file, save_file

from motet import __version__
from motet.config import from_dict, to_dict
from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.evaluate.compare.budget import run_budget, spent, step_cost
from motet.evaluate.compare.documents import without
from motet.evaluate.compare.measuring import Shown, measure_run
from motet.evaluate.compare.plan import Job
from motet.evaluate.compare.prepare import SEED, Workshop, prepared
from motet.evaluate.log import read_log, series
from motet.evaluate.provenance import commit, machine
from motet.evaluate.stopwatch import stopwatch
from motet.evaluate.timed import Timed
from motet.recipes.recipe import Recipe, Stage, initialised
from motet.recipes.rows import LEFT_OUT, fitting
from motet.recipes.run import RunConfig, best_device, load, recipe_class, train_run
from motet.recipes.trained_codecs import put_codecs
from motet.train.settings import Budget
from motet.whole import whole, write_json

KILOBYTE = 1024 if sys.platform == "linux" else 1
"""What ``ru_maxrss`` counts in."""


@dataclass(frozen=True)
class CurveRecord:
    """A held-out number while the model trained: by minutes since its stages began."""

    name: str
    minutes: list[float]
    values: list[float]


@dataclass(frozen=True)
class RunRecord:
    """A finished run as it is stored. seconds: of everything but the codecs."""

    arm: str
    seed: int
    numbers: dict[str, float]
    curves: list[CurveRecord]
    prompts: list[str]
    left_out: list[str]
    setting: dict[str, Any]
    seconds: float
    commit: str
    machine: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """Why a run failed."""

    arm: str
    seed: int
    error: str
    traceback: str
    setting: dict[str, Any]


def run_one(job: Job, console: Console) -> bool:
    """Trains, measures and writes ``job.record``, or ``job.failure``; False if it was interrupted, and saved."""
    try:
        record = carried_out(job, console)
    except Exception as error:
        told = Failure(job.arm, job.seed, f"{type(error).__name__}: {error}", traceback.format_exc(), job.setting())
        write_json(job.failure, to_dict(told))
        return True
    if record is None:
        return False
    write_json(job.record, asdict(record))
    job.failure.unlink(missing_ok=True)
    tidied(job)
    return True


def tidied(job: Job) -> None:
    """Deletes what only a resumed run needs, and raw weights beside averaged ones."""
    for name in ("checkpoint", "finished"):
        shutil.rmtree(job.folder / name, ignore_errors=True)
    (job.folder / "model.safetensors").unlink(missing_ok=True)


def carried_out(job: Job, console: Console, *, codec_seed: int = SEED) -> RunRecord | None:
    """Trains and measures; None if it was interrupted, and saved. codec_seed: of the codecs, which others may share."""
    recipe = from_dict(recipe_class(job.recipe), job.settings)
    corpus = Corpus.of(open_source(job.data), (recipe.image_size,) * 2)
    job.folder.mkdir(parents=True, exist_ok=True)
    write_json(job.begun, job.setting())
    if not (job.folder / "tokenizer.json").is_file():
        with whole(job.folder / "tokenizer.json") as partial:
            shutil.copy(job.tokenizer, partial)
    text = recipe.open_text(job.folder / "tokenizer.json")
    codecs = prepared(recipe, text, Workshop(job.out / "codecs", job.codecs, corpus, console, codec_seed))
    if codecs is None:
        return None
    # only now: codecs are shared with recipes of other rows
    corpus = fitting(recipe, text, without(corpus, job.left_out), at_most=LEFT_OUT)
    stages = [stage for stage in recipe.stages(job.seed) if stage.name not in codecs]
    names = [stage.name for stage in stages]
    with stopwatch(job.folder / "seconds.json") as seconds:
        budget = _budget(job, recipe, corpus, stages, codecs)
        config = RunConfig(job.recipe, job.settings, job.data, budget.minutes, budget.steps, job.seed, __version__)
        if not train_run(config, corpus, job.folder, console=console, codecs=codecs):
            return None
        measured, shown = measure_run(load(job.folder), recipe, corpus, job.measuring, Timed(console))
    measured.numbers["memory"] = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * KILOBYTE
    used = {f"spent/{what}": amount for what, amount in asdict(spent(job.folder, names)).items()}
    if shown is not None:
        save_shown(shown, job.folder)
    return RunRecord(
        arm=job.arm,
        seed=job.seed,
        numbers={**measured.numbers, **used},
        curves=[curve for curve in _curves(job.folder, names) if f"loss/{curve.name}" in measured.numbers],
        prompts=[] if shown is None else list(shown.prompts),
        left_out=measured.left_out,
        setting=job.setting(),
        seconds=seconds(),
        commit=commit(),
        machine=machine(),
    )


def _budget(job: Job, recipe: Recipe, corpus: Corpus, stages: list[Stage], codecs: dict[str, Path]) -> Budget:
    if job.allowance.kind == "minutes":
        return run_budget(job.allowance, stages, [])
    model = initialised(recipe, recipe.open_text(job.folder / "tokenizer.json"), job.seed).to(best_device())
    for path in codecs.values():
        put_codecs(model, path)
    return run_budget(job.allowance, stages, [step_cost(stage.objective(model, corpus)) for stage in stages])


def _curves(run: Path, stages: list[str]) -> list[CurveRecord]:
    """Held-out numbers of these stages; where there are several, their minutes follow each other."""
    records = read_log(run / "log.jsonl")
    lengths = {event["stage"]: event["elapsed"] / 60 for event in records if event["event"] == "finish"}
    curves: dict[str, CurveRecord] = {}
    before = 0.0
    for stage in stages:
        for one in series([r for r in records if r["stage"] == stage], event="eval", field="metrics"):
            curve = curves.setdefault(one.name, CurveRecord(one.name, [], []))
            curve.minutes.extend(before + minutes for minutes in one.minutes)
            curve.values.extend(one.values)
        before += lengths[stage]
    return list(curves.values())


def save_shown(shown: Shown, folder: Path) -> None:
    save_file({"drawn": shown.drawn, "true": shown.true}, folder / "shown.safetensors")


def load_shown(prompts: list[str], folder: Path) -> Shown | None:
    """What ``save_shown`` kept; None if the folder is gone."""
    path = folder / "shown.safetensors"
    if not path.is_file():
        return None
    tensors = load_file(path)
    return Shown(tuple(prompts), tensors["drawn"], tensors["true"])
