"""A comparison from end to end: what is shared is shared, what is done stays done, what fails fails alone."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import load_file

from motet.alone import alone
from motet.config import to_dict
from motet.data.corpus import Corpus
from motet.errors import CheckpointError, ConfigError
from motet.evaluate.compare import __main__ as process
from motet.evaluate.compare.budget import Allowance
from motet.evaluate.compare.measuring import measure_run
from motet.evaluate.compare.plan import Arm, Comparison, Job, jobs
from motet.evaluate.compare.prepare import Workshop, prepared
from motet.evaluate.compare.run import INTERRUPTED, _waited, compare, in_own_process
from motet.evaluate.compare.run_one import Failure, RunRecord, run_one
from motet.evaluate.stored import read_record
from motet.recipes.latentlm import LatentLM
from motet.recipes.recipe import Recipe, initialised
from motet.recipes.trained_codecs import put_codecs
from motet.train.interrupt import Interrupt
from motet.train.settings import Budget

QUIET = Console(quiet=True)


class Runner:
    """``run_one`` in this process, which remembers what it was given, and is interrupted after so many runs."""

    def __init__(self, until: int = 99):
        self.until = until
        self.ran: list[str] = []

    def __call__(self, job: Job, console: Console) -> bool:
        if len(self.ran) == self.until:
            return False
        self.ran.append(job.stem)
        return run_one(job, console)


def test_a_comparison_is_resumed_run_by_run_and_ends_in_a_page(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Runner(until=1)
    stopped = compare(comparison, tmp_path, console=QUIET, runner=first)
    assert first.ran == ["plain-0"] and stopped.missing == 3
    before = (tmp_path / "runs/plain-0.json").read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr("motet.evaluate.compare.run_one.measure_run", _fails_once())
        second = Runner()
        failed = compare(comparison, tmp_path, console=QUIET, runner=second)
    assert second.ran == ["thin-0", "plain-1", "thin-1"], "seed by seed, the finished run left alone"
    assert [(one.arm, one.seed, one.error) for one in failed.failures] == [("thin", 0, "RuntimeError: too thin")]
    assert "Traceback" in failed.failures[0].traceback and failed.missing == 0

    third = Runner()
    again = compare(comparison, tmp_path, console=QUIET, runner=third)
    assert third.ran == [] and len(again.records) == 3
    assert "too thin" in again.page.read_text()

    fourth = Runner()
    whole = compare(comparison, tmp_path, console=QUIET, runner=fourth, retry=True)
    assert fourth.ran == ["thin-0"] and len(whole.records) == 4 and whole.failures == ()
    assert (tmp_path / "runs/plain-0.json").read_bytes() == before
    _holds_all(whole.page, tmp_path, whole.records)
    _shares_codecs(tmp_path)

    other = replace(comparison, codecs=Budget(steps=3))
    with pytest.raises(CheckpointError, match=r"other settings: codecs.steps=\d+ \(now 3\)"):
        compare(other, tmp_path, console=QUIET, runner=Runner())


def test_a_run_that_was_interrupted_does_not_go_on_under_other_settings(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("motet.evaluate.compare.run_one.train_run", lambda *_, **__: False)
        assert compare(comparison, tmp_path, console=QUIET, runner=Runner()).missing == 4
    assert (tmp_path / "runs/plain-0").is_dir() and not (tmp_path / "runs/plain-0.json").exists()
    others = {
        "codecs": replace(comparison, codecs=Budget(steps=3)),
        "allowance": replace(comparison, allowance=Allowance("samples", 16.0)),
    }
    for name, other in others.items():
        with pytest.raises(CheckpointError, match=f"plain-0: a run with other settings: {name}"):
            compare(other, tmp_path, console=QUIET, runner=Runner(until=0))
    begun = tmp_path / "runs/plain-0/setting.json"
    setting = json.loads(begun.read_text())
    del setting["settings"]["backbone"]["attention"]
    begun.write_text(json.dumps(setting))
    again = compare(comparison, tmp_path, console=QUIET, runner=Runner(until=0))
    assert again.missing == 4, "it may go on, also where a setting came since"


def _fails_once() -> Callable[..., Any]:
    told: list[str] = []

    def measure(*args: Any) -> Any:
        if not told:
            told.append("once")
            raise RuntimeError("too thin")
        return measure_run(*args)

    return measure


def _holds_all(page: Path, out: Path, records: tuple[RunRecord, ...]) -> None:
    for record in records:
        used = {name: value for name, value in record.numbers.items() if name.startswith("spent/")}
        assert 8 <= used["spent/samples"] <= 25 and used["spent/flops"] > 0 and used["spent/minutes"] > 0
        for name in ("captions_exact", "answers", "psnr", "cache_bytes", "seconds/1", "loss/text/image_first"):
            assert name in record.numbers, name
        assert {curve.name for curve in record.curves} >= {"text/text_first", "image/text_first"}
    found = json.loads((out / "compare.json").read_text())
    assert found["summary"]["plain"]["backbone_passes"]["n"] == 2
    sizes = [found["summary"][arm]["parameters/learned"]["mean"] for arm in ("plain", "thin")]
    assert abs(sizes[1] / sizes[0] - 1) <= 0.05
    assert any(one["name"] == "head_passes" for one in found["findings"]) is False, "both take as many"
    html = page.read_text()
    for title in (
        "Findings",
        "Quality",
        "Learning curves",
        "The same prompts",
        "Settings",
        "What this can say, and what not",
    ):
        assert f"<h2>{title}</h2>" in html, title


def _shares_codecs(out: Path) -> None:
    assert len(list((out / "codecs").glob("codec-*"))) == 1
    weights = [load_file(path) for path in sorted(out.glob("runs/*/ema.safetensors"))]
    assert len(weights) == 4
    codec = [name for name in weights[0] if name.startswith("modalities.image.codec.")]
    assert codec and all(torch.equal(weights[0][name], other[name]) for other in weights for name in codec)
    assert not torch.equal(weights[0]["backbone.norm.weight"], weights[1]["backbone.norm.weight"])


def test_codecs_are_shared_by_recipes_that_agree_on_them_and_by_no_others(
    quick: LatentLM, corpus: Corpus, tmp_path: Path
) -> None:
    workshop = Workshop(tmp_path, Budget(steps=1), corpus, QUIET)
    text = quick.text_codec(corpus)

    def codec(recipe: Recipe) -> Path:
        found = prepared(recipe, text, workshop)
        assert found is not None and list(found) == ["codec"]
        return found["codec"]

    plain = codec(quick)
    assert codec(replace(quick, head=replace(quick.head, n_layers=1), rows=4, codec_share=0.5)) == plain
    assert codec(replace(quick, codec_batch=16)) != plain
    assert codec(replace(quick, codec=replace(quick.codec, sigma=0.1))) != plain
    model = initialised(quick, text, 3)
    other = model.modality("image").codec.fingerprint()
    put_codecs(model, plain)
    assert model.modality("image").codec.fingerprint() != other
    with pytest.raises(CheckpointError, match="another model"):
        put_codecs(initialised(replace(quick, codec=replace(quick.codec, dim=64)), text, 0), plain)


def test_a_run_in_its_own_process_leaves_its_failure_with_its_traceback(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs(replace(comparison, data="folder:/nowhere"), tmp_path)[0]
    job.folder.mkdir(parents=True)
    assert in_own_process(job, QUIET)
    told = read_record(Failure, job.failure)
    assert "DataError" in told.error and "carried_out" in told.traceback
    job.failure.unlink()
    monkeypatch.setattr(sys, "executable", "false")
    assert in_own_process(job, QUIET)
    assert read_record(Failure, job.failure).error == "the run's process ended: exit code 1"


def test_a_runs_process_is_asked_once_to_save() -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(130)); "
        "signal.signal(signal.SIGINT, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None and child.stdout.readline()
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert _waited(child, interrupt) == 130


def test_a_signal_where_nothing_is_trained_is_an_interruption_too(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps(to_dict(jobs(comparison, tmp_path)[0])))
    monkeypatch.setattr(process, "run_one", lambda job, console: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert process.main(path) == INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_documents_of_the_same_name_are_not_mixed_in(comparison: Comparison, tmp_path: Path) -> None:
    data, out = tmp_path / "mine", tmp_path / "out"
    for i, colour in enumerate(["red", "green", "blue", "black"] * 6):
        (data / colour).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), colour).save(data / colour / f"{i}.png")
    mine = replace(comparison, data=f"folder:{data}")
    assert compare(mine, out, console=QUIET, runner=Runner(until=0)).missing == 4
    assert compare(mine, out, console=QUIET, runner=Runner(until=0)).missing == 4
    Image.new("RGB", (16, 16), "pink").save(data / "red" / "99.png")
    with pytest.raises(CheckpointError, match=r"begun on other documents of folder:.*documents to learn from then"):
        compare(mine, out, console=QUIET, runner=Runner(until=0))


@pytest.mark.parametrize("held", ["", "runs"])
def test_another_call_waits_for_whoever_is_at_work(comparison: Comparison, tmp_path: Path, held: str) -> None:
    """For the call itself, and for a run's process whose call is gone."""
    (tmp_path / "runs").mkdir()
    with alone(tmp_path / held), pytest.raises(CheckpointError, match="another process is at work in"):
        compare(comparison, tmp_path, console=QUIET, runner=Runner())
    assert not list((tmp_path / "runs").glob("*.json")), "and no run has failed by it"
    assert compare(comparison, tmp_path, console=QUIET, runner=Runner(until=0)).missing == 4


def test_a_runs_process_holds_the_lock_that_others_wait_for(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "job.json").write_text(json.dumps(to_dict(jobs(comparison, tmp_path)[0])))

    def run(job: Job, console: Console) -> bool:
        with pytest.raises(CheckpointError, match="another process"), alone(tmp_path / "runs"):
            raise AssertionError
        return True

    monkeypatch.setattr(process, "run_one", run)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert process.main(tmp_path / "job.json") == 0
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_finished_run_has_not_failed(comparison: Comparison, tmp_path: Path) -> None:
    whole = compare(comparison, tmp_path, console=QUIET, runner=Runner(until=1))
    told = Failure("plain", 0, "FileNotFoundError: gone", "", whole.records[0].setting)
    (tmp_path / "runs/plain-0.failed.json").write_text(json.dumps(to_dict(told)))
    again = compare(comparison, tmp_path, console=QUIET, runner=Runner(until=0))
    assert len(again.records) == 1 and again.failures == ()


def test_a_job_is_the_same_again_after_json(comparison: Comparison, tmp_path: Path) -> None:
    job = jobs(comparison, tmp_path)[3]
    (tmp_path / "job.json").write_text(json.dumps(to_dict(job)))
    assert read_record(Job, tmp_path / "job.json") == job
    assert job.settings["training"]["preview_at"] == [], "no run pays for previews"


def test_arms_and_pictures_that_cannot_be_compared_are_refused(comparison: Comparison, quick: LatentLM) -> None:
    with pytest.raises(ConfigError, match="each its own name"):
        replace(comparison, arms=comparison.arms[:1] * 2)
    with pytest.raises(ConfigError, match="pictures differ in size: plain 16, large 32"):
        replace(comparison, arms=(comparison.arms[0], Arm("large", "latentlm", replace(quick, image_size=32))))
