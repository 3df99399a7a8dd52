"""All runs of a comparison, one after another; then its page.

OUT/tokenizer.json           trained once on the data
    data.json                which documents that were
    codecs/<stage>-<hash>/   codecs, each trained once
    runs/<arm>-<seed>.json   a finished run; it is not repeated
    runs/<arm>-<seed>.failed.json   why a run failed; it is tried again with ``retry``
    runs/<arm>-<seed>/       what the run keeps, and goes on from if it was interrupted; setting.json: under what
    compare.json, index.html what came out, drawn anew at the end of every call
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from motet.alone import alone
from motet.config import differences, from_dict, to_dict
from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.errors import CheckpointError, ConfigError
from motet.evaluate.compare.documents import too_long
from motet.evaluate.compare.match import matched, sizes_of
from motet.evaluate.compare.page import write_results
from motet.evaluate.compare.plan import Comparison, Job, jobs
from motet.evaluate.compare.run_one import Failure, RunRecord
from motet.evaluate.stored import read_record
from motet.recipes.run import recipe_class
from motet.recipes.same_data import changed_data, write_data
from motet.train.interrupt import Interrupt
from motet.whole import write_json

INTERRUPTED = 130
"""Exit code of a run's process that was stopped, and has saved."""

Runner = Callable[[Job, Console], bool]
"""Carries a job out, which leaves its record or its failure; False if it was interrupted."""


@dataclass(frozen=True)
class Compared:
    """What a call came to. ``missing``: runs that are neither finished nor failed, since it was interrupted."""

    records: tuple[RunRecord, ...]
    failures: tuple[Failure, ...]
    missing: int
    page: Path


def compare(
    comparison: Comparison,
    out: Path,
    *,
    console: Console | None = None,
    retry: bool = False,
    runner: Runner | None = None,
) -> Compared:
    """Every run that is not stored yet in ``out``, then the page and the JSON of all that are.

    A run that fails is written down and the others go on; ``retry`` tries failed ones again. After ctrl-C the same call
    goes on in the middle of the run. More arms and more seeds may be added later, beside those that are there.
    Raises ConfigError if arms cannot be matched, CheckpointError if runs that are stored or begun have other settings
    or other documents or another process is at work in ``out``, DataError for data that cannot be used, ShapeError for
    data of which too much is too long for an arm.
    """
    console = console or Console()
    (out / "runs").mkdir(parents=True, exist_ok=True)
    with alone(out):
        with alone(out / "runs"):  # which a run's process holds, also one whose parent was killed
            corpus = corpus_of(comparison)
            _same_documents(corpus, out)
            comparison = equally_large(comparison, corpus, out, console)
        return _compared(comparison, out, console, retry=retry, runner=runner or in_own_process)


def _compared(comparison: Comparison, out: Path, console: Console, *, retry: bool, runner: Runner) -> Compared:
    todo = jobs(comparison, out, too_long(comparison, out / "tokenizer.json"))
    _check(todo)
    left = [job for job in todo if not job.record.is_file() and (retry or not job.failure.is_file())]
    for number, job in enumerate(left, start=1):
        time = _left(todo, left[number - 1 :])
        console.print(f"[bold]{escape(job.arm)}, seed {job.seed}[/]: run {number} of {len(left)}{time}")
        job.failure.unlink(missing_ok=True)
        if not runner(job, console):
            console.print("interrupted; [bold]the same command goes on from here[/]")
            break
        if job.failure.is_file():
            failure = read_record(Failure, job.failure)
            console.print(f"[red]failed; the others go on[/]: {escape(failure.error)}", soft_wrap=True)
    records = [read_record(RunRecord, job.record) for job in todo if job.record.is_file()]
    failures = [read_record(Failure, job.failure) for job in todo if job.failure.is_file() and not job.record.is_file()]
    page = write_results(comparison, records, failures, out)
    console.print(f"written: {out / 'compare.json'} and {page}", highlight=False, soft_wrap=True)
    return Compared(tuple(records), tuple(failures), len(todo) - len(records) - len(failures), page)


def in_own_process(job: Job, console: Console) -> bool:
    """``run_one`` in a process of its own. ctrl-C reaches it as one request to save; a second one ends it."""
    path = job.folder.with_suffix(".job.json")
    write_json(path, to_dict(job))
    with Interrupt() as interrupt:
        child = subprocess.Popen([sys.executable, "-m", "motet.evaluate.compare", str(path)], start_new_session=True)
        try:
            code = _waited(child, interrupt)
        except KeyboardInterrupt:
            child.kill()
            child.wait()
            raise
    path.unlink(missing_ok=True)
    if code == INTERRUPTED or (code and interrupt.asked and not job.failure.is_file()):
        return False
    if code and not job.failure.is_file():
        died = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        told = Failure(job.arm, job.seed, f"the run's process ended: {died}", "", job.setting())
        write_json(job.failure, asdict(told))
    return True


def _waited(child: "subprocess.Popen[bytes]", interrupt: Interrupt) -> int:
    """The exit code of a run's process, which stands outside the terminal's group and is told of a signal once."""
    told = False
    while True:
        try:
            return child.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            if interrupt.asked and not told:
                child.terminate()  # not SIGINT, which stays ignored in what a script started in the background
                told = True


def corpus_of(comparison: Comparison) -> Corpus:
    """The documents that all runs learn from. Raises DataError for data that cannot be used."""
    return Corpus.of(open_source(comparison.data), (comparison.side,) * 2)


def _same_documents(corpus: Corpus, out: Path) -> None:
    if changed := changed_data(out, corpus.identity()):
        raise CheckpointError(
            f"{out} was begun on other documents of {corpus.name}: {'; '.join(changed.values())}. Restore them, or "
            "use another --out: runs of other documents cannot be compared"
        )
    write_data(out, corpus.identity(), corpus.train.taught())


def equally_large(comparison: Comparison, corpus: Corpus, out: Path, console: Console) -> Comparison:
    """The comparison with its arms at equal sizes, and the tokenizer in place that all of them share.

    Raises ConfigError if arms cannot be matched.
    """
    tokenizer = out / "tokenizer.json"
    first = comparison.arms[0].recipe
    if not tokenizer.is_file():
        first.text_codec(corpus).save(tokenizer)
    target = comparison.parameters or sizes_of(first, first.open_text(tokenizer)).learned
    arms = tuple(
        replace(arm, recipe=matched(arm.recipe, arm.recipe.open_text(tokenizer), target, label=arm.label))
        for arm in comparison.arms
    )
    size = f"{target / 1e6:.2f}M parameters" if target >= 1e6 else f"{target:,} parameters"
    console.print(f"{len(arms)} recipes that learn {size} each, within 5 %; {comparison.allowance} a run")
    return replace(comparison, arms=arms, parameters=target)


def _check(todo: Sequence[Job]) -> None:
    """Runs that are stored or begun must be of these settings: what is drawn together is comparable, and a run that
    goes on under others would mix what it has learned. A failure of others is history.
    """
    for job in todo:
        setting = json.loads(json.dumps(job.setting()))
        if job.failure.is_file() and differences(_filled(read_record(Failure, job.failure).setting), setting):
            job.failure.unlink()
            shutil.rmtree(job.folder, ignore_errors=True)
        if odd := differences(_filled(_stored(job) or setting), setting):
            there = " and ".join(str(path) for path in (job.record, job.folder) if path.exists())
            raise CheckpointError(
                f"{there}: a run with other settings: {', '.join(odd.values())}. Use another --out, or delete what is "
                "named here"
            )


def _stored(job: Job) -> dict[str, Any] | None:
    """The setting of a run that is finished or begun; None if there is nothing of it that tells."""
    if job.record.is_file():
        return read_record(RunRecord, job.record).setting
    found: dict[str, Any] | None = json.loads(job.begun.read_text()) if job.begun.is_file() else None
    return found


def _filled(setting: dict[str, Any]) -> dict[str, Any]:
    """A stored setting with those of the recipe that came since it was stored, as they are by default."""
    try:
        recipe = from_dict(recipe_class(setting["recipe"]), setting["settings"])
    except ConfigError:  # one that is gone since
        return setting
    return {**setting, "settings": json.loads(json.dumps(to_dict(recipe)))}


def _left(todo: Sequence[Job], left: Sequence[Job]) -> str:
    """How long the runs that are left may take: as long as the finished ones did, or as they may."""
    seconds = [read_record(RunRecord, job.record).seconds for job in todo if job.record.is_file()]
    if seconds:
        each = sum(seconds) / len(seconds)
    elif left[0].allowance.kind == "minutes":
        each = 60 * left[0].allowance.amount
    else:
        return ""
    hours, minutes = divmod(round(len(left) * each / 60), 60)
    return f", about {hours} h {minutes:02} min left" if hours else f", about {minutes} min left"
