"""What a corpus takes, and what tells it from another without a look at its pixels."""

import base64
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from motet.data.check import check, write_down
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.data.source import open_source
from motet.errors import DataError

pytestmark = pytest.mark.usefixtures("cache")


def corpus(picture: Path | Image.Image, *, text: str = "a square", **facts: str) -> Corpus:
    document = Document("first", (Part("text", text), Part("image", picture)), **facts)
    other = Document("second", (Part("text", "no picture"),))
    return Corpus("squares", Split((document, other), (8, 8)), Split((other,), (8, 8)))


def test_the_same_documents_are_the_same_wherever_their_files_lie_and_whenever_they_were_copied(
    paint: Callable[..., Path], tmp_path: Path
) -> None:
    first = paint("here/picture.png")
    moved = tmp_path / "there.png"
    moved.write_bytes(first.read_bytes())
    os.utime(moved, (0, 0))
    assert corpus(first).identity() == corpus(moved).identity()


@pytest.mark.parametrize("change", ["text", "group", "file", "kind", "learn", "order", "split"])
def test_each_change_of_what_is_learned_or_in_which_order_shows(paint: Callable[..., Path], change: str) -> None:
    path = paint("picture.png")
    one = corpus(path)
    documents = one.train.documents
    text, picture = documents[0].parts
    others = {
        "text": corpus(path, text="a circle"),
        "group": corpus(path, group="squares"),
        "file": corpus(paint("larger.png", size=(80, 80))),
        "kind": corpus(Image.new("RGB", (8, 8))),
        "learn": replace(
            one, train=Split((replace(documents[0], parts=(text, replace(picture, learn=False))),), (8, 8))
        ),
        "order": replace(one, train=Split(documents[::-1], (8, 8))),
        "split": replace(one, train=Split(documents[:1], (8, 8))),
    }
    assert others[change].identity()["train"] != one.identity()["train"]
    assert one.identity()["train"]["documents"] == 2


def written(folder: Path, *documents: tuple[str, str]) -> str:
    """A spec of documents of a text and a picture, called 0, 1, ..."""
    rows = [
        {"id": str(n), "parts": [{"type": "text", "text": text}, {"type": "image", "image": image}]}
        for n, (text, image) in enumerate(documents)
    ]
    (folder / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return f"jsonl:{folder}/data.jsonl"


HALF = "half \ud83d"


@pytest.mark.parametrize("bad", [(HALF, "a.png"), ("b", "b\0.png"), ("b", f"{HALF}.png"), ("b", f"data:{HALF}")])
def test_what_cannot_be_used_is_named_before_training_and_skipped_after_a_check(
    bad: tuple[str, str], paint: Callable[..., Path], tmp_path: Path
) -> None:
    paint("a.png"), paint("c.png", "blue")
    spec = written(tmp_path, ("a", "a.png"), bad, ("c", "c.png"))
    with pytest.raises(DataError, match=r"^1: .*\. Run `motet data check` on this data once"):
        Corpus.of(open_source(spec), (8, 8)).decode()
    write_down(check(open_source(spec), progress=False))
    whole = Corpus.of(open_source(spec), (8, 8))
    whole.decode()
    assert [id for id, _ in whole.skipped] == ["1"]
    assert len(whole.train.documents) + len(whole.held_out.documents) == 2


def test_a_picture_whose_name_no_file_can_have_is_named_when_it_is_decoded_and_not_repeated_whole() -> None:
    one = corpus(Path("/" + "A" * 5000))
    assert one.identity() == corpus(Path("/gone.png")).identity()
    with pytest.raises(DataError, match=r"^first: the picture '/AAA.*AAA' cannot be read: .* too long\.") as found:
        one.decode()
    assert len(str(found.value)) < 300


def test_texts_are_looked_at_before_any_tokenizer_learns_from_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^1: unreadable text"):
        Corpus.of(open_source(written(tmp_path, ("a", "gone.png"), (HALF, "gone.png"))), (8, 8))


def test_the_remarks_of_the_source_are_kept(paint: Callable[..., Path], tmp_path: Path) -> None:
    paint("fox/a.png")
    (tmp_path / "fox" / "b.heic").touch()
    assert Corpus.of(open_source(f"folder:{tmp_path}"), (8, 8)).notes == ("files not used: 1 .heic (fox/b.heic)",)


def test_a_split_without_pictures_gives_batches_of_none(paint: Callable[..., Path]) -> None:
    one = corpus(paint("picture.png"))
    assert one.train.has_pictures and not one.held_out.has_pictures
    assert one.held_out.pixels.batch(range(0)).shape == (0, 3, 8, 8)
    url = "data:image/png;base64," + base64.b64encode(paint("blue.png", "blue").read_bytes()).decode()
    assert Split((Document("url", (Part("image", url),)),), (8, 8)).pixels.batch([0]).shape == (1, 3, 8, 8)


def test_some_documents_of_each_split_are_evenly_taken() -> None:
    texts = [Document(str(i), (Part("text", str(i)),)) for i in range(12)]
    whole = Corpus("numbers", Split(tuple(texts[:9]), (8, 8)), Split(tuple(texts[9:]), (8, 8)), notes=("a note",))
    some = whole.at_most(3)
    assert [document.id for document in some.train.documents] == ["0", "3", "6"]
    assert some.held_out.documents == whole.held_out.documents
    assert (len(whole), len(some), some.notes) == (12, 6, ("a note",))
    assert whole.at_most(100) == whole
