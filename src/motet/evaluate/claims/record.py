"""What a claim leaves in docs/claims: its JSON, its plots, and one page that shows every claim."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from motet.evaluate.claims.claim import Claim, ClaimResult, Plot
from motet.evaluate.over_seeds import OverSeeds
from motet.evaluate.page import Chapter, Commands, Figure, KeyNumber, KeyNumbers, Section, Table, Text, write_page
from motet.evaluate.provenance import commit, machine
from motet.whole import whole, write_json


def write(claim: Claim, result: ClaimResult, plots: Sequence[Plot], stem: Path) -> ClaimResult:
    """Writes ``stem``.json, the plots beside it and index.html of the folder; the result with its files."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    figures, files = [], []
    for plot in plots:
        svg = isinstance(plot.content, str)
        path = stem.with_name(f"{stem.name}{plot.suffix}.{'svg' if svg else 'png'}")
        with whole(path) as partial:
            partial.write_bytes(plot.content if isinstance(plot.content, bytes) else plot.content.encode())
        figures.append({"file": path.name, "title": plot.title, "note": plot.note})
        files.append(path)
    record = stem.with_name(f"{stem.name}.json")
    write_json(record, _as_json(claim, result, figures))
    page = write_index(stem.parent)
    return replace(result, files=(record, *files, page))


def write_index(folder: Path) -> Path:
    """``folder/index.html``, drawn from the JSON files in it alone."""
    chapters: list[Chapter] = []
    credits: dict[str, None] = {}
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        chapters.append(_chapter(record, folder))
        credits[record["credit"]] = None
    return write_page(
        folder / "index.html",
        chapters,
        title="Motet: claims",
        subtitle="What papers say, measured at small scale, and written down as it came out",
        credit=" ".join(credit for credit in credits if credit),
    )


def redraw(folder: Path, claims: Mapping[str, Claim]) -> Path:
    """The same page once more was tried or suspected: each claim's ``tried`` goes into its JSON, all else stays."""
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        if record["name"] in claims:
            write_json(path, record | {"tried": list(claims[record["name"]].tried)})
    return write_index(folder)


def _as_json(claim: Claim, result: ClaimResult, figures: list[dict[str, str]]) -> dict[str, Any]:
    assert result.verdict is not None
    flag = "" if result.scale == "full" else f" --{result.scale}"
    return {
        "name": claim.name,
        "scale": result.scale,
        "claim": claim.statement,
        "source": claim.source,
        "published": list(claim.published),
        "setting": claim.setting(result.scale),
        "arms": list(claim.arms(result.scale)),
        "seeds": list(claim.seeds(result.scale)),
        "measures": dict(claim.measures),
        "rule": claim.rule,
        "verdict": result.verdict.word,
        "reasons": list(result.verdict.reasons),
        "tried": list(claim.tried),
        "summary": {
            arm: {measure: asdict(value) for measure, value in values.items()} for arm, values in result.summary.items()
        },
        "runs": [{key: value for key, value in asdict(run).items() if key != "setting"} for run in result.runs],
        "failed": result.failed,
        "figures": figures,
        "command": f"motet claims {claim.name}{flag}",
        "commit": ", ".join(sorted({run.commit for run in result.runs})) or commit(),
        "machine": machine() if not result.runs else result.runs[-1].machine or machine(),
        "minutes": round(result.minutes, 2),
        "date": time.strftime("%Y-%m-%d"),
        "credit": claim.credit,
    }


def _chapter(record: dict[str, Any], folder: Path) -> Chapter:
    machine = record["machine"]
    met = {"holds": True, "does not hold here": False}.get(record["verdict"])
    seeds, runs = len(record["seeds"]), len(record["runs"])
    arms = [arm for arm in record["arms"] if arm in record["summary"]]
    figures = [(figure, folder / figure["file"]) for figure in record["figures"]]
    sections: list[Section] = [
        KeyNumbers(
            "Verdict",
            [KeyNumber(record["verdict"], f"{seeds} seeds, {runs} runs, {record['minutes']:.0f} minutes", met=met)],
        ),
        Text(
            "Why",
            [
                *record["reasons"],
                *record.get("tried", []),
                f"The rule, written before the runs: {record['rule']}",
            ],
        ),
        Table(
            "Means over seeds, with 95 % intervals",
            [
                [measure, *(_cell(record["summary"][arm].get(measure)) for arm in arms)]
                for measure in record["measures"]
            ],
            header=["", *arms],
            note=" ".join(f"{key}: {what}." for key, what in record["measures"].items()),
        ),
        *(
            Figure(
                figure["title"][:1].upper() + figure["title"][1:],
                path.read_text() if path.suffix == ".svg" else path.read_bytes(),
                note=figure["note"],
            )
            for figure, path in figures
            if path.is_file()
        ),
        Table(
            "The paper, and this setting",
            [
                ["source", record["source"]],
                *(["published", figure] for figure in record["published"]),
                *([key, json.dumps(value)] for key, value in record["setting"].items()),
                ["failed", ", ".join(record["failed"]) or "none"],
                ["machine", f"{machine['cpu']}, {machine['cores']} cores, torch {machine['torch']}"],
                ["commit", record["commit"]],
                ["date", record["date"]],
            ],
        ),
        Commands("Again", [(record["command"], "makes what is missing and writes this page")]),
    ]
    scale = "" if record["scale"] == "full" else f" ({record['scale']} scale: decides nothing)"
    return Chapter(f"{record['name']}{scale}", sections, note=record["claim"])


def _cell(value: dict[str, Any] | None) -> str:
    """A mean with its interval; of what an arm cannot do, a dash."""
    return "-" if value is None else str(OverSeeds(**value))
