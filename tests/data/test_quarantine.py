import json
import os
from pathlib import Path

import pytest

from motet.data.document import Document
from motet.data.problem import Problem, Reason
from motet.data.quarantine import keep, kept_at, read_quarantine, summary, without_quarantined, write_quarantine
from motet.errors import DataError


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.jsonl"
    problems = [Problem("ä/b c.png", Reason.TRUNCATED, "cut"), Problem("bytes \udcff.png", Reason.EMPTY_FILE)]
    write_quarantine(path, problems, source="folder:x")
    assert read_quarantine(path) == {"ä/b c.png": "truncated or damaged", "bytes \udcff.png": "empty file"}
    first = json.loads(path.read_text().splitlines()[0])
    assert first == {"id": "ä/b c.png", "reason": "truncated or damaged", "detail": "cut", "source": "folder:x"}


def test_a_new_quarantine_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.jsonl"
    write_quarantine(path, [Problem("a", "bad")], source="x")
    write_quarantine(path, [], source="x")
    assert read_quarantine(path) == {}
    assert [file.name for file in tmp_path.iterdir()] == ["quarantine.jsonl"]


def test_documents_are_kept_in_order() -> None:
    documents = [Document(id, ()) for id in "dcba"]
    kept, skipped = without_quarantined(documents, {"c": "cut", "z": "gone"})
    assert [document.id for document in kept] == ["d", "b", "a"]
    assert skipped == [("c", "cut")]


@pytest.mark.parametrize("line", ["{", '{"id": 3, "reason": "x"}', '{"id": "a"}', "[]"])
def test_a_line_that_cannot_be_read_is_an_error_and_not_passed_over(tmp_path: Path, line: str) -> None:
    path = tmp_path / "quarantine.jsonl"
    path.write_text('{"id": "a", "reason": "x"}\n' + line + "\n")
    with pytest.raises(DataError, match=r"quarantine\.jsonl: line 2.*motet data check"):
        read_quarantine(path)


def test_a_place_that_cannot_be_written_or_read_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give another place"):
        write_quarantine(tmp_path / "nowhere/q.jsonl", [], source="x")
    with pytest.raises(DataError, match="there is no quarantine file"):
        read_quarantine(tmp_path / "q.jsonl")


def test_of_a_quarantine_with_the_data_and_one_in_the_cache_the_newer_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path / "cache"))
    beside = tmp_path / "data" / "quarantine.jsonl"
    assert kept_at(beside) is None
    cached = keep(beside, [Problem("a", "bad")], source="x")  # there is no folder "data" to write to yet
    assert cached.is_relative_to(tmp_path / "cache") and kept_at(beside) == cached
    beside.parent.mkdir()
    assert keep(beside, [], source="x") == beside
    for newer, older in ((beside, cached), (cached, beside)):
        os.utime(newer, (2000, 2000))
        os.utime(older, (1000, 1000))
        assert kept_at(beside) == newer


def test_the_quarantine_of_other_data_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path / "cache"))
    keep(tmp_path / "one" / "quarantine.jsonl", [Problem("a", "bad")], source="x")
    assert kept_at(tmp_path / "other" / "quarantine.jsonl") is None
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert kept_at(tmp_path / "link" / "quarantine.jsonl") is not None, "the same data by another name"


def test_the_summary_counts_each_reason() -> None:
    skipped = [("a", "cut"), ("b", "empty"), ("c", "cut")]
    assert summary(skipped) == "3 items skipped: 2 cut, 1 empty"
