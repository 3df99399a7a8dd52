import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from motet.data.check import check, write_down
from motet.data.emoji import EmojiSource
from motet.data.folder import FolderSource
from motet.data.jsonl import JsonlSource
from motet.data.source import open_source
from motet.errors import DataError

Paint = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def folder(tmp_path: Path, paint: Paint) -> Path:
    """Nine good foxes and an empty file."""
    for n in range(9):
        paint(f"fox/{n}.png", (n, 0, 0))
    (tmp_path / "fox/empty.png").touch()
    return tmp_path


def test_each_form_of_spec_opens_its_source(folder: Path) -> None:
    (folder / "data.jsonl").touch()
    assert isinstance(open_source(f"folder:{folder}"), FolderSource)
    assert isinstance(open_source(f"jsonl:{folder}/data.jsonl"), JsonlSource)
    assert isinstance(open_source("emoji"), EmojiSource)


@pytest.mark.parametrize(
    ("spec", "nearest"),
    [("emojis", "emoji"), ("foldr:/x", "folder:PATH"), ("JSONL", "jsonl:PATH"), ("emoji:x", "emoji")],
)
def test_an_unknown_spec_names_the_nearest_and_all_forms(spec: str, nearest: str) -> None:
    with pytest.raises(DataError, match=rf"did you mean {nearest}\?.*emoji;.*folder:PATH.*jsonl:PATH"):
        open_source(spec)


def test_a_bare_path_is_told_its_prefix(folder: Path) -> None:
    with pytest.raises(DataError, match=f"did you mean folder:{folder}"):
        open_source(str(folder))
    (folder / "data.jsonl").touch()
    with pytest.raises(DataError, match=f"did you mean jsonl:{folder}/data.jsonl"):
        open_source(f"{folder}/data.jsonl")


def test_a_spec_like_nothing_still_lists_the_forms() -> None:
    with pytest.raises(DataError, match=r"unknown data 'qqq'\. Accepted: emoji"):
        open_source("qqq")


def test_an_unknown_split_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="'validation'"):
        open_source(f"folder:{folder}").documents("validation")


def test_what_is_quarantined_is_skipped_and_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(open_source(f"folder:{folder}")) == 10
    write_down(check(open_source(f"folder:{folder}"), progress=False))
    source = open_source(f"folder:{folder}")
    with caplog.at_level(logging.WARNING):
        documents = source.documents()
    assert [document.id for document in documents] == [f"fox/{n}.png" for n in range(9)]
    assert source.skipped == [("fox/empty.png", "empty file")]
    assert "1 items skipped: 1 empty file" in caplog.text


def test_exactly_the_quarantined_are_skipped(folder: Path) -> None:
    (folder / "quarantine.jsonl").write_text(json.dumps({"id": "fox/3.png", "reason": "ugly"}) + "\n")
    source = open_source(f"folder:{folder}")
    assert source.skipped == [("fox/3.png", "ugly")]
    assert {document.id for document in source.documents()} == {f"fox/{n}.png" for n in range(9) if n != 3} | {
        "fox/empty.png"
    }


def test_the_quarantine_does_not_move_the_split(folder: Path) -> None:
    before = {document.id: document.split for document in open_source(f"folder:{folder}").documents()}
    write_down(check(open_source(f"folder:{folder}"), progress=False))
    after = {document.id: document.split for document in open_source(f"folder:{folder}").documents()}
    assert after == {id: split for id, split in before.items() if id != "fox/empty.png"}


def test_a_quarantine_of_things_that_are_gone_says_so(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_down(check(open_source(f"folder:{folder}"), progress=False))
    (folder / "fox/empty.png").unlink()
    with caplog.at_level(logging.WARNING):
        assert open_source(f"folder:{folder}").skipped == []
    assert "quarantined but no longer in the data: 1, such as fox/empty.png" in caplog.text


def test_clean_data_is_opened_in_silence(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "fox/empty.png").unlink()
    write_down(check(open_source(f"folder:{folder}"), progress=False))
    with caplog.at_level(logging.DEBUG):
        assert open_source(f"folder:{folder}").skipped == []
    assert caplog.text == ""
