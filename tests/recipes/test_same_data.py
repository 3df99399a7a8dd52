"""What has changed of a run's documents is told split by split."""

import json
from pathlib import Path
from typing import Any

from motet.recipes.same_data import changed_data


def some(documents: int, digest: str) -> dict[str, Any]:
    return {"documents": documents, "digest": digest}


def test_only_splits_that_are_others_now_are_told(tmp_path: Path) -> None:
    then = {"train": some(3000, "a"), "held_out": some(200, "b")}
    (tmp_path / "data.json").write_text(json.dumps(then))
    assert changed_data(tmp_path, then) == {}
    assert changed_data(tmp_path, then | {"held_out": some(200, "c")}) == {
        "held_out": "200 documents held out then, 200 now, not the same"
    }
    assert changed_data(tmp_path, {"train": some(3100, "d"), "held_out": some(100, "e")}) == {
        "train": "3,000 documents to learn from then, 3,100 now",
        "held_out": "200 documents held out then, 100 now",
    }


def test_a_run_that_does_not_tell_its_data_differs_from_none(tmp_path: Path) -> None:
    assert changed_data(tmp_path, {"train": some(1, "a"), "held_out": some(1, "b")}) == {}
