"""Outputs are judged before the work: a bad name costs no check and no drawing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from motet.commands import checking
from motet.errors import DataError


def test_a_sheet_that_cannot_be_drawn_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fox").mkdir()
    monkeypatch.setattr(checking, "check", _never)
    for sheet, said in (("sheet", "its name has no ending"), ("sheet.doc", "it ends in .doc")):
        with pytest.raises(DataError, match=f"{said}; give a name such as out.png"):
            checking.check_data(f"folder:{tmp_path}", out=None, sheet=tmp_path / sheet, as_json=False)


def _never(*args: object) -> Callable[..., None]:
    raise AssertionError("it was read")
