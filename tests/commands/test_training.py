"""What is said before a training, and what is refused."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from motet.commands import training
from motet.commands.training import Order, train
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.errors import ConfigError, DataError
from motet.recipes.dit import TINY as DIT
from motet.recipes.latentlm import TINY
from motet.recipes.recipe import Recipe
from motet.train.settings import Budget


def told(
    place: Path,
    *documents: tuple[str, bool],
    monkeypatch: pytest.MonkeyPatch,
    recipe: Recipe = TINY,
    finished: bool = False,
    trains: Callable[..., bool] | None = None,
) -> str:
    """What `motet train` says about documents of (split, with a picture); it does not train, or as ``trains`` does."""
    Image.new("RGB", (8, 8)).save(place / "a.png")
    picture = {"type": "image", "image": "a.png"}
    rows = [
        {"parts": [{"type": "text", "text": f"text {n}"}, *([picture] if shown else [])], "split": split}
        for n, (split, shown) in enumerate(documents)
    ]
    (place / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setattr(training, "train_run", trains or (lambda *args, **how: finished))
    said = io.StringIO()
    order = Order("latentlm", recipe, f"jsonl:{place}/data.jsonl", place / "run", Budget(steps=1), 0)
    assert train(order, Console(file=said, width=400)) is finished
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


@pytest.mark.parametrize(("recipe", "describes"), [(TINY, True), (replace(TINY, text_first=1.0), False), (DIT, False)])
def test_the_last_words_name_describing_only_where_the_recipe_learns_it(
    recipe: Recipe, describes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = (("train", True), ("test", True))
    said = told(tmp_path, *documents, monkeypatch=monkeypatch, recipe=recipe, finished=True)
    assert "motet sample" in said and "motet eval" in said
    assert ("motet describe" in said) is describes


def test_the_last_words_name_no_drawing_where_the_recipe_does_not_learn_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = (("train", True), ("test", True))
    recipe = replace(TINY, text_first=0.0)
    said = told(tmp_path, *documents, monkeypatch=monkeypatch, recipe=recipe, finished=True)
    assert "motet describe" in said and "motet sample" not in said


@pytest.mark.parametrize(("edit", "asked"), [(False, '"text 0" -o'), (True, '"make it blue" --picture PICTURE.png -o')])
def test_the_last_words_ask_for_a_picture_as_the_documents_do(edit: bool, asked: str) -> None:
    picture = Part("image", Image.new("RGB", (8, 8)))
    given, words = replace(picture, learn=False), Part("text", "make it blue", learn=False)
    parts = (given, words, picture) if edit else (Part("text", "text 0"), picture)
    document = Document("x", parts)
    question = Document("y", (given, Part("text", "what is it?", learn=False), Part("text", "a fox")))
    corpus = Corpus("data", Split((document,), (8, 8)), Split((question,), (8, 8)))
    said = io.StringIO()
    order = Order("latentlm", replace(TINY, text_first=0.5), "data", Path("run"), Budget(steps=1), 0)
    training._say_next(order, corpus, Console(file=said, width=400))
    assert f"motet sample run {asked} out.png" in said.getvalue()


@pytest.mark.parametrize(
    ("begun", "words"),
    [
        (False, "Stopped; nothing has been saved yet. The same command begins again."),
        (True, "what was saved is in {run}. The same command goes on."),
    ],
)
def test_ctrl_c_where_nothing_is_saved_on_it_also_says_how_to_go_on(
    begun: bool, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"

    def interrupted(*args: Any, **how: Any) -> bool:
        if begun:
            run.mkdir()
            (run / "config.json").write_text("{}")
        raise KeyboardInterrupt

    said = told(tmp_path, ("train", True), ("test", True), monkeypatch=monkeypatch, trains=interrupted)
    assert words.format(run=run) in said


def test_a_run_that_cannot_be_written_is_refused_before_the_data_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(spec: str) -> None:
        raise AssertionError("the data were read")

    monkeypatch.setattr(training, "open_source", never)
    (tmp_path / "file").write_text("")
    order = Order("latentlm", TINY, "emoji", tmp_path / "file/run", Budget(steps=1), 0)
    with pytest.raises(ConfigError, match=r"file/run cannot be written to \(.*file: Not a directory\); give another"):
        train(order, Console(quiet=True))
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
