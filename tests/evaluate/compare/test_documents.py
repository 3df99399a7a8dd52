"""All runs learn from, and are judged on, the documents that fit the rows of every arm."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from motet.config import override
from motet.data.corpus import Corpus
from motet.evaluate.compare.plan import Comparison, Job, jobs
from motet.evaluate.compare.run import compare
from motet.evaluate.compare.run_one import run_one

QUIET = Console(quiet=True)


@pytest.fixture
def longer(data: str, tmp_path: Path) -> str:
    """The folder of pictures with one more held-out caption, of more than 64 and less than 256 tokens."""
    lines = Path(data.removeprefix("jsonl:")).read_text().splitlines()
    parts = json.loads(lines[0])["parts"]
    caption = {"type": "text", "text": " ".join(["zq"] * 50)}
    lines.append(json.dumps({"parts": [caption, parts[1]], "split": "held_out"}))
    path = tmp_path / "longer.jsonl"
    path.write_text("\n".join(lines))
    return f"jsonl:{path}"


def test_what_is_too_long_for_one_arm_is_left_out_of_all(
    comparison: Comparison, longer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, thin = comparison.arms
    roomy = replace(thin, recipe=override(thin.recipe, {"row_length": 256}))
    given = replace(comparison, data=longer, arms=(plain, roomy), seeds=(0,))
    todo: list[Job] = []

    def remembers(job: Job, console: Console) -> bool:
        todo.append(job)
        return True

    compare(given, tmp_path / "out", console=QUIET, runner=remembers)
    assert [len(job.left_out) for job in todo] == [1, 1]
    assert todo[1].setting()["left_out"] == list(todo[1].left_out)
    assert "left_out" not in jobs(given, tmp_path / "out")[1].setting(), "where all fit, settings are as ever"

    seen: list[Corpus] = []

    def train(config: Any, corpus: Corpus, *_: Any, **__: Any) -> bool:
        seen.append(corpus)
        return False

    monkeypatch.setattr("motet.evaluate.compare.run_one.train_run", train)
    assert [run_one(job, QUIET) for job in todo] == [False, False]
    assert seen[0].identity() == seen[1].identity()
    assert len(seen[1].held_out.documents) == 8 and not any("zq" in text for text in seen[1].held_out.texts)
