"""The evaluation of a run folder, written into a folder of results: `motet eval`."""

import logging
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile

from rich.console import Console

from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.errors import DataError
from motet.evaluate.evaluation import Evaluation, evaluate
from motet.evaluate.judged import taught_by_pairs
from motet.evaluate.report import write_report
from motet.evaluate.timed import Timed
from motet.recipes.rows import fitting
from motet.recipes.run import load, read_config
from motet.recipes.same_data import changed_data
from motet.request import Sampling
from motet.whole import write_json

_log = logging.getLogger(__name__)


def evaluate_run(
    run: Path,
    *,
    data: str | None = None,
    n: int = 400,
    documents: int = 10_000,
    sampling: Sampling | None = None,
    out: Path | None = None,
    console: Console | None = None,
) -> Evaluation:
    """Measures a run and writes ``eval.json`` and ``index.html`` into ``out`` (RUN/eval).

    data: what to judge it on; by default what it was trained on.
    n: trained pairs judged, at most; of held-out ones all are that are looked at.
    documents: those of a split that are looked at at all, at most (but n), evenly taken; the gallery is their pictures.
    Warns if the run learned from other documents. Raises CheckpointError if ``run`` is not a run, DataError for data
    that cannot be used, and before anything is measured for a folder that cannot be written to.
    """
    pipeline, config = load(run), read_config(run)
    recipe = config.build()
    corpus = Corpus.of(open_source(data or config.data), (recipe.image_size,) * 2)
    unlike = _unlike(Path(run), corpus)
    corpus = fitting(recipe, pipeline.model.text, corpus)  # it has learned nothing of longer documents
    looked_at = corpus.at_most(max(documents, n))
    folder = _made(Path(run) / "eval" if out is None else Path(out))
    taught = taught_by_pairs(corpus.train)
    found = evaluate(pipeline, looked_at, n=n, sampling=sampling, timed=Timed(console), mute=recipe.mute(taught))
    told = [unlike] if unlike else []
    if reason := recipe.handless(taught):
        told.append(f"What it draws: {reason}, so drawings, retrieval, distances and drift here are of noise.")
    if passed_over := len(corpus) - len(looked_at):
        told.append(
            f"{passed_over:,} of {len(corpus):,} documents: at most --documents {documents} of a split are looked at."
        )
    found = replace(found, unlike=unlike, left_out=(*told, *found.left_out))
    write_json(folder / "eval.json", found.to_json())
    page = write_report(found, pipeline, Path(run), folder / "index.html")
    (console or Console()).print(f"written: {folder / 'eval.json'} and {page}", highlight=False, soft_wrap=True)
    return found


def _unlike(run: Path, corpus: Corpus) -> str:
    """Tells, with a warning, if the run learned from other documents than the trained ones here; empty if it did not.

    Held-out documents that are others than then were not trained either, as long as the trained ones are the same.
    """
    changed = changed_data(run, corpus.identity()).get("train")
    if changed is None:
        return ""
    told = (
        f"What training never saw: {run} learned from other documents than the trained ones of {corpus.name} "
        f"({changed}), so held-out ones may have been trained, and trained ones may not."
    )
    _log.warning("%s", told)
    return told


def _made(folder: Path) -> Path:
    """The folder, made and tried before the work, so that no measurement is lost to a name."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(
            f"the results cannot be written into {folder} ({error}); give the name of a folder, as in --out results"
        ) from error
    return folder
