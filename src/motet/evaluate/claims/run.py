"""Runs a claim: whatever of it has not been run yet; then judges, and writes it down.

The runs are kept, so that nothing is made twice:

    runs/claims/<name>/setting.json         what the runs share
                       <arm>-<seed>.json    a finished run; it is not repeated
                       <arm>-<seed>/        what the run keeps, and goes on from if it was interrupted
"""

import json
import traceback
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from motet.alone import alone
from motet.errors import CheckpointError, ConfigError
from motet.evaluate.claims.claim import Claim, ClaimResult, Job, RunRecord, Scale, Summary, Verdict
from motet.evaluate.claims.record import write
from motet.evaluate.claims.registry import CLAIMS
from motet.evaluate.over_seeds import over_seeds
from motet.evaluate.provenance import commit, machine
from motet.evaluate.stopwatch import stopwatch
from motet.evaluate.stored import differing, read_record
from motet.whole import write_json


def run_claim(
    name: str,
    *,
    out: Path = Path("docs/claims"),
    scale: Scale = "full",
    console: Console | None = None,
    runs: Path = Path("runs/claims"),
) -> ClaimResult:
    """Every run of claim ``name`` that is not stored yet, then ``out/<name>.json``, its plots and ``out/index.html``.

    At scale ``quick`` the name gets the suffix ``.quick`` everywhere, so nothing full is overwritten. A run that fails
    is reported and the others go on. After ctrl-C the same call goes on in the middle of the run.

    Raises ConfigError for an unknown claim, CheckpointError if stored runs have another setting.
    """
    if name not in CLAIMS:
        raise ConfigError(f"unknown claim {name!r}; expected one of: {', '.join(CLAIMS)}")
    return carry_out(CLAIMS[name], out=out, scale=scale, console=console or Console(), runs=runs)


def carry_out(claim: Claim, *, out: Path, scale: Scale, console: Console, runs: Path) -> ClaimResult:
    """``run_claim`` for a claim that need not be registered."""
    stem = claim.name if scale == "full" else f"{claim.name}.{scale}"
    folder = runs / stem
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        return _carried_out(claim, stem, folder, out=out, scale=scale, console=console)


def _carried_out(claim: Claim, stem: str, folder: Path, *, out: Path, scale: Scale, console: Console) -> ClaimResult:
    setting = _same_setting(claim.setting(scale), folder)
    done: list[RunRecord] = []
    failed: dict[str, str] = {}
    jobs = [
        Job(arm, seed, scale, folder / f"{arm}-{seed}", console)
        for seed in claim.seeds(scale)  # seed by seed, so that an early stop has compared all arms
        for arm in claim.arms(scale)
    ]
    for number, job in enumerate(jobs, start=1):
        stored = job.folder.with_name(f"{job.folder.name}.json")
        if stored.is_file():
            done.append(read_record(RunRecord, stored))
            continue
        console.print(f"[bold]{stem}[/]: run {number} of {len(jobs)}, {job.words}{_left(done, len(jobs) - number + 1)}")
        try:
            record = _run(claim, job, setting)
        except Exception as error:
            failed[job.folder.name] = f"{type(error).__name__}: {error}"
            console.print(f"[red]{job.words} failed; the others go on[/]\n{escape(traceback.format_exc())}")
            continue
        if record is None:
            console.print(f"interrupted; {len(done)} of {len(jobs)} runs are done. The same command goes on from here")
            return ClaimResult(claim.name, scale, None, _summary(claim, scale, done), tuple(done), failed, 0.0, ())
        write_json(stored, asdict(record))
        claim.tidy(job)
        done.append(record)
        console.print("  " + ", ".join(f"{key} {value:.3g}" for key, value in record.numbers.items()))
    summary = _summary(claim, scale, done)
    verdict = _verdict(claim, done, summary, failed)
    plots = [] if failed else claim.plots(done, summary, folder)
    minutes = sum(record.seconds for record in done) / 60
    result = ClaimResult(claim.name, scale, verdict, summary, tuple(done), failed, minutes, ())
    return write(claim, result, plots, out / stem)


def _run(claim: Claim, job: Job, setting: dict[str, Any]) -> RunRecord | None:
    job.folder.mkdir(parents=True, exist_ok=True)
    with stopwatch(job.folder / "seconds.json") as seconds:
        measured = claim.run(job)
    if measured is None:
        return None
    assert measured.numbers.keys() <= claim.measures.keys(), "a run gives no number that the claim does not name"
    return RunRecord(job.arm, job.seed, measured.numbers, measured.curves, setting, seconds(), commit(), machine())


def _summary(claim: Claim, scale: Scale, done: Sequence[RunRecord]) -> Summary:
    by_arm = {arm: [record for record in done if record.arm == arm] for arm in claim.arms(scale)}
    return {
        arm: {
            measure: over_seeds([record.numbers[measure] for record in records])
            for measure in claim.measures
            if all(measure in record.numbers for record in records)
        }
        for arm, records in by_arm.items()
        if records
    }


def _verdict(claim: Claim, done: Sequence[RunRecord], summary: Summary, failed: dict[str, str]) -> Verdict:
    if failed:
        return Verdict("undecided", (f"these runs failed: {', '.join(failed)}; the same command tries them again",))
    verdict = claim.verdict(summary)
    return replace(verdict, reasons=(*verdict.reasons, *claim.remarks(done)))


def _left(done: Sequence[RunRecord], runs: int) -> str:
    if not done:
        return ""
    minutes = runs * sum(record.seconds for record in done) / len(done) / 60
    return f", about {minutes:.0f} minutes left"


def _same_setting(setting: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The setting as JSON has it; raises CheckpointError if the stored runs were made with another."""
    plain: dict[str, Any] = json.loads(json.dumps(setting))
    path = folder / "setting.json"
    if not path.is_file():
        write_json(path, plain)
        return plain
    theirs = json.loads(path.read_text())
    if odd := differing(plain, theirs):
        raise CheckpointError(
            f"{folder} holds runs of another setting (another {', '.join(odd)}); "
            "delete it to run the claim afresh, or keep its runs elsewhere"
        )
    return plain
