"""What is said before a training, and what is refused."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from motet.commands import training
from motet.commands.training import Order, train
from motet.errors import DataError
from motet.recipes.latentlm import TINY
from motet.train.settings import Budget


def told(place: Path, *documents: tuple[str, bool], monkeypatch: pytest.MonkeyPatch) -> str:
    """What `motet train` says about documents of (split, with a picture); it does not train."""
    Image.new("RGB", (8, 8)).save(place / "a.png")
    picture = {"type": "image", "image": "a.png"}
    rows = [
        {"parts": [{"type": "text", "text": f"text {n}"}, *([picture] if shown else [])], "split": split}
        for n, (split, shown) in enumerate(documents)
    ]
    (place / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setattr(training, "train_run", lambda *args, **how: False)
    said = io.StringIO()
    order = Order("latentlm", TINY, f"jsonl:{place}/data.jsonl", place / "run", Budget(steps=1), 0)
    assert train(order, Console(file=said, width=400)) is False
    return said.getvalue()


def test_held_out_documents_without_pictures_are_trained_beside_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = told(tmp_path, ("train", True), ("test", False), monkeypatch=monkeypatch)
    assert "note  no held-out document has a picture" in said
    assert "note" not in told(tmp_path, ("train", True), ("test", True), monkeypatch=monkeypatch)


def test_data_without_a_picture_to_learn_from_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="has no picture to learn from"):
        told(tmp_path, ("train", False), ("test", True), monkeypatch=monkeypatch)
