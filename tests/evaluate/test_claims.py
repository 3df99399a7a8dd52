"""Claims: runs are stored and not repeated, one that fails loses none, and the rule gives each of its verdicts."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from rich.console import Console
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d

from motet.errors import CheckpointError, ConfigError, DataError
from motet.evaluate.claims import CLAIMS, run_claim, sigma_measures
from motet.evaluate.claims.claim import Claim, ClaimResult, Job, Measured, Plot, RunRecord, Scale, Summary, Verdict
from motet.evaluate.claims.latentlm_sigma import sigma_verdict
from motet.evaluate.claims.record import redraw
from motet.evaluate.claims.run import carry_out
from motet.evaluate.over_seeds import OverSeeds, over_seeds


class Rigged(Claim):
    """A claim whose runs cost nothing: arm b measures 1 + seed / 10, arm a 2 + seed / 10."""

    name: ClassVar[str] = "rigged"
    statement: ClassVar[str] = "b is less than <a>"
    source: ClassVar[str] = "this file"
    published: ClassVar[tuple[str, ...]] = ("a 2, b 1",)
    rule: ClassVar[str] = "holds if b is below a"
    measures: ClassVar[Mapping[str, str]] = {"size": "a number"}

    def __init__(self) -> None:
        self.made: list[str] = []
        self.broken: set[str] = set()
        self.stop_at: str | None = None
        self.knob = 1

    def arms(self, scale: Scale) -> Sequence[str]:
        return ("a", "b")

    def seeds(self, scale: Scale) -> Sequence[int]:
        return (0, 1)

    def setting(self, scale: Scale) -> dict[str, Any]:
        return {"knob": self.knob, "pair": (1, 2)}

    def run(self, job: Job) -> Measured | None:
        name = job.folder.name
        if name in self.broken:
            raise RuntimeError(f"{name} is broken")
        if name == self.stop_at:
            return None
        self.made.append(name)
        return Measured({"size": {"a": 2.0, "b": 1.0}[job.arm] + job.seed / 100}, {"line": [0.0, 1.0]})

    def verdict(self, summary: Summary) -> Verdict:
        return Verdict("holds" if summary["b"]["size"].below(summary["a"]["size"]) else "undecided", ("because",))

    def plots(self, runs: Sequence[RunRecord], summary: Summary, folder: Path) -> list[Plot]:
        return [Plot("", "a plot", "<svg><title>rigged plot</title></svg>")]


def quietly(claim: Claim, folder: Path, scale: Scale = "full") -> ClaimResult:
    return carry_out(claim, out=folder / "docs", scale=scale, console=Console(quiet=True), runs=folder / "runs")


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    first, again = Rigged(), Rigged()
    before = quietly(first, tmp_path)
    after = quietly(again, tmp_path)
    assert first.made == ["a-0", "b-0", "a-1", "b-1"]
    assert again.made == []
    assert after.runs == before.runs


def test_a_failing_run_loses_none_of_the_others_and_is_tried_again(tmp_path: Path) -> None:
    claim = Rigged()
    claim.broken = {"b-0"}
    result = quietly(claim, tmp_path)
    assert claim.made == ["a-0", "a-1", "b-1"]
    assert result.failed == {"b-0": "RuntimeError: b-0 is broken"}
    assert result.verdict is not None and result.verdict.word == "undecided"
    claim.broken = set()
    mended = quietly(claim, tmp_path)
    assert claim.made == ["a-0", "a-1", "b-1", "b-0"]
    assert mended.verdict is not None and mended.verdict.word == "holds"


def test_an_interrupted_claim_goes_on_where_it_was_and_writes_nothing_before(tmp_path: Path) -> None:
    claim = Rigged()
    claim.stop_at = "a-1"
    stopped = quietly(claim, tmp_path)
    assert stopped.verdict is None and stopped.files == () and not (tmp_path / "docs").exists()
    claim.stop_at = None
    assert quietly(claim, tmp_path).verdict is not None
    assert claim.made == ["a-0", "b-0", "a-1", "b-1"]


def test_a_run_took_what_its_interrupted_and_failed_parts_took_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("motet.evaluate.stopwatch.time.monotonic", lambda: now)

    class Slow(Rigged):
        def run(self, job: Job) -> Measured | None:
            nonlocal now
            now += 60.0
            return super().run(job)

    claim = Slow()
    claim.stop_at = "a-0"
    quietly(claim, tmp_path)
    claim.stop_at, claim.broken = None, {"a-0"}
    quietly(claim, tmp_path)
    claim.broken = set()
    result = quietly(claim, tmp_path)
    assert next((run.arm, run.seed, run.seconds) for run in result.runs) == ("a", 0, 180.0)
    assert sorted(run.seconds for run in result.runs) == [60.0, 60.0, 60.0, 180.0]
    assert json.loads((tmp_path / "docs" / "rigged.json").read_text())["minutes"] == 6.0


def test_runs_of_another_setting_are_not_mixed_in(tmp_path: Path) -> None:
    claim = Rigged()
    quietly(claim, tmp_path)
    claim.knob = 2
    with pytest.raises(CheckpointError, match="another knob"):
        quietly(claim, tmp_path)


def test_runs_of_several_commits_and_of_another_machine_are_told_as_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quietly(Rigged(), tmp_path)
    monkeypatch.setattr("motet.evaluate.claims.run.commit", lambda: "another")
    monkeypatch.setattr("motet.evaluate.claims.record.commit", lambda: "another")
    monkeypatch.setattr("motet.evaluate.claims.run.machine", lambda: {"cpu": "other", "cores": 1, "torch": "0"})
    monkeypatch.setattr("motet.evaluate.claims.record.machine", lambda: {"cpu": "other", "cores": 1, "torch": "0"})
    result = quietly(Rigged(), tmp_path)  # finds all runs made
    path = tmp_path / "docs" / "rigged.json"
    record = json.loads(path.read_text())
    assert record["commit"] == result.runs[0].commit != "another" and record["machine"]["cpu"] != "other"


def test_the_record_holds_all_that_a_reader_needs_to_judge_it(tmp_path: Path) -> None:
    result = quietly(Rigged(), tmp_path)
    record = json.loads((tmp_path / "docs" / "rigged.json").read_text())
    assert record["claim"] == "b is less than <a>" and record["source"] == "this file"
    assert record["published"] == ["a 2, b 1"] and record["rule"] == "holds if b is below a"
    assert record["setting"] == {"knob": 1, "pair": [1, 2]}
    assert (record["verdict"], record["reasons"]) == ("holds", ["because"])
    assert [(run["arm"], run["seed"]) for run in record["runs"]] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert record["runs"][2]["numbers"] == {"size": 2.01} and record["runs"][2]["curves"] == {"line": [0, 1]}
    assert record["summary"]["a"]["size"]["mean"] == pytest.approx(2.005)
    # Two seeds: half = 12.706 * deviation / sqrt(2), and the deviation of two values is their difference / sqrt(2).
    assert record["summary"]["a"]["size"]["high"] == pytest.approx(2.005 + 12.706 * 0.01 / 2)
    assert record["command"] == "motet claims rigged" and record["minutes"] >= 0
    assert (
        record["machine"]["cores"] >= 1 and record["machine"]["torch"] == torch.__version__ and record["machine"]["cpu"]
    )
    assert record["commit"] == result.runs[0].commit and record["commit"]
    assert record["figures"] == [{"file": "rigged.svg", "title": "a plot", "note": ""}]


def test_the_page_shows_verdict_plot_and_intervals_of_every_claim_in_the_folder(tmp_path: Path) -> None:
    quietly(Rigged(), tmp_path)
    quietly(Rigged(), tmp_path, "quick")
    page = (tmp_path / "docs" / "index.html").read_text()
    assert "<title>rigged plot</title>" in page
    assert "b is less than &lt;a&gt;" in page
    assert "2 [1.94, 2.07]" in page
    assert "rigged (quick scale: decides nothing)" in page


class Retold(Rigged):
    """The same claim, of which more is known by now."""

    tried: ClassVar[tuple[str, ...]] = ("a <wider> b was no larger",)


def test_what_was_tried_is_recorded_and_shown_behind_the_reasons(tmp_path: Path) -> None:
    quietly(Retold(), tmp_path)
    assert json.loads((tmp_path / "docs" / "rigged.json").read_text())["tried"] == ["a <wider> b was no larger"]
    page = (tmp_path / "docs" / "index.html").read_text()
    assert 0 < page.index("because") < page.index("a &lt;wider&gt; b was no larger") < page.index("The rule, written")


def test_what_is_tried_after_the_runs_is_taken_in_without_a_run(tmp_path: Path) -> None:
    quietly(Rigged(), tmp_path)
    path = tmp_path / "docs" / "rigged.json"
    before = json.loads(path.read_text())
    assert before.pop("tried") == []
    path.write_text(json.dumps(before))  # as it was before claims told what was tried
    page = redraw(path.parent, {})
    assert json.loads(path.read_text()) == before and "was no larger" not in page.read_text()
    assert redraw(path.parent, {"rigged": Retold()}) == page
    assert json.loads(path.read_text()) == before | {"tried": list(Retold.tried)}
    assert "a &lt;wider&gt; b was no larger" in page.read_text()


def test_the_quick_scale_overwrites_nothing_of_the_full_one(tmp_path: Path) -> None:
    quietly(Rigged(), tmp_path)
    full = (tmp_path / "docs" / "rigged.json").read_bytes()
    result = quietly(Rigged(), tmp_path, "quick")
    assert (tmp_path / "docs" / "rigged.json").read_bytes() == full
    assert tmp_path / "docs" / "rigged.quick.json" in result.files
    assert json.loads((tmp_path / "docs" / "rigged.quick.json").read_text())["command"].endswith("--quick")


def test_an_unknown_claim_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="latentlm-sigma"):
        run_claim("latentlm-sgima", out=tmp_path, runs=tmp_path)


@pytest.mark.parametrize("name", CLAIMS)
def test_no_claim_demands_a_compiler(name: str) -> None:
    assert '"compile": "yes"' not in json.dumps(CLAIMS[name].setting("full"))


def test_the_interval_is_students() -> None:
    three = over_seeds([1.0, 2.0, 3.0])  # deviation 1, t = 4.303
    assert (three.mean, three.n) == (2.0, 3)
    assert three.high == pytest.approx(2 + 4.303 / 3**0.5)
    assert over_seeds([5.0]) == OverSeeds(5.0, None, None, 1)
    assert not over_seeds([1.0]).below(over_seeds([5.0]))
    with pytest.raises(DataError):
        over_seeds([1.0, float("nan")])


def measured(*rows: tuple[float, float, float, float]) -> Verdict:
    """The verdict on arms of (sigma, mean distance, mean drift, half width of both intervals as a share)."""
    summary = {
        str(sigma): {
            "frechet": OverSeeds(float(distance), distance * (1 - width), distance * (1 + width), 3),
            "drift_pixels": OverSeeds(drift, drift * (1 - width), drift * (1 + width), 3),
        }
        for sigma, distance, drift, width in rows
    }
    return sigma_verdict({sigma: str(sigma) for sigma, *_ in rows}, summary)


@pytest.mark.parametrize(
    ("word", "why", "rows"),
    [
        ("holds", "both are lower", [(0.0, 100, 0.3, 0.05), (0.3, 60, 0.1, 0.05), (0.75, 80, 0.05, 0.05)]),
        ("does not hold here", "better than every other", [(0.0, 50, 0.3, 0.05), (0.3, 60, 0.1, 0.05)]),
        ("does not hold here", "drifts more", [(0.0, 100, 0.1, 0.05), (0.3, 60, 0.3, 0.05)]),
        ("does not hold here", "can gain 5 %", [(0.0, 100, 0.3, 0.01), (0.3, 99, 0.1, 0.01)]),
        ("undecided", "of the distances meet", [(0.0, 100, 0.3, 0.2), (0.3, 80, 0.1, 0.2)]),
        ("undecided", "of the drifts meet", [(0.0, 100, 0.30, 0.1), (0.3, 60, 0.28, 0.1)]),
        ("undecided", "not separate from every", [(0.0, 60, 0.3, 0.1), (0.3, 61, 0.3, 0.1), (0.75, 99, 0.3, 0.1)]),
    ],
)
def test_the_rule_of_sigma_gives_each_verdict(
    word: str, why: str, rows: list[tuple[float, float, float, float]]
) -> None:
    verdict = measured(*rows)
    assert (verdict.word, why in verdict.reasons[-1]) == (word, True), verdict


def test_one_seed_decides_nothing_about_sigma() -> None:
    summary = {
        arm: {"frechet": OverSeeds(distance, None, None, 1), "drift_pixels": OverSeeds(distance, None, None, 1)}
        for arm, distance in (("0", 100.0), ("1", 1.0))
    }
    assert sigma_verdict({0.0: "0", 1.0: "1"}, summary).word == "undecided"


class CoarsePixels(nn.Module):
    """Stands in for EfficientNet's features, whose Frechet distances take most of the time: a 4x4 thumbnail."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Identity()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return adaptive_avg_pool2d(pictures.float(), 4).flatten(1)


def test_the_sigma_claim_runs_at_quick_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sigma_measures, "EfficientNetFeatures", CoarsePixels)
    result = run_claim(
        "latentlm-sigma",
        out=tmp_path / "docs",
        runs=tmp_path / "runs",
        scale="quick",
        console=Console(quiet=True),
    )
    assert not result.failed
    nothing, noisy = (result.summary[arm] for arm in ("sigma-0", "sigma-0.3"))
    assert nothing["noise_share"].mean == 0 and 0 < noisy["noise_share"].mean < 0.5
    assert nothing["frechet"].mean > nothing["frechet_codec"].mean > 0
    assert nothing["exposure"].mean == pytest.approx(nothing["frechet"].mean - nothing["frechet_one_step"].mean)
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed
    names = {path.name for path in result.files}
    assert names == {f"latentlm-sigma.quick{end}" for end in (".json", ".svg", "-samples.png")} | {"index.html"}
    assert set(CLAIMS["latentlm-sigma"].measures) == set(result.runs[0].numbers)
