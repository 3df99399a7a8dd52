"""Files that are whole or absent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from motet.whole import whole, write_json


def test_a_reader_finds_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": float("nan")})
    with pytest.raises(KeyError), whole(path) as partial:
        partial.write_text("half")
        raise KeyError
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_the_callers_to_make(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"), whole(tmp_path / "none" / "a") as partial:
        partial.write_text("text")
    assert not any(tmp_path.iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
from motet.whole import whole
with whole(Path(sys.argv[1])) as partial:
    partial.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="elsewhere one cannot ask whether a process lives")
def test_what_a_killed_writer_left_goes_with_the_next_and_what_others_write_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    writer = subprocess.Popen([sys.executable, "-c", KILLED, str(path)])
    assert writer.wait() < 0
    (left,) = tmp_path.iterdir()
    host = left.name.removeprefix("a.txt.").removesuffix(f".{writer.pid}.partial")
    others = {
        tmp_path / f"a.txt.{host}.{os.getppid()}.partial",
        tmp_path / f"a.txt.not-{host}.{writer.pid}.partial",
        tmp_path / f"b.txt.{host}.{writer.pid}.partial",
        tmp_path / f"a.txt.{host}.mine.partial",
    }
    for other in others:
        other.touch()
    with whole(path) as partial:
        partial.write_text("new")
    assert set(tmp_path.iterdir()) == {path, *others}
