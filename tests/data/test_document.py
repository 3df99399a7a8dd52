from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from motet.data.document import Document, Part, check_texts, load_checked
from motet.errors import DataError

Paint = Callable[..., Path]


def test_parts_are_loaded_in_order(paint: Paint) -> None:
    parts = (Part("image", paint("a.png")), Part("text", "a"), Part("image", Image.new("L", (2, 2), 7)))
    loaded = load_checked(Document("x", parts))
    assert [modality for modality, _ in loaded] == ["image", "text", "image"]
    assert loaded[1][1] == "a"
    assert [value.mode for _, value in loaded if isinstance(value, Image.Image)] == ["RGB", "RGB"]


def test_a_picture_is_read_when_it_is_loaded_and_not_before(tmp_path: Path, paint: Paint) -> None:
    part = Part("image", tmp_path / "later.png")
    paint("later.png", "blue")
    image = part.load()
    assert isinstance(image, Image.Image)
    assert image.getpixel((0, 0)) == (0, 0, 255)


def test_an_unchecked_bad_picture_is_a_readable_error(tmp_path: Path) -> None:
    document = Document("fox-17", (Part("text", "a fox"), Part("image", tmp_path / "gone.png")))
    with pytest.raises(DataError, match=r"fox-17: missing file: .*gone\.png.*motet data check"):
        load_checked(document)


@pytest.mark.parametrize(("text", "reason"), [("  \n", "empty text"), ("half \ud83d", "unreadable text")])
def test_a_text_that_cannot_be_used_is_refused(text: str, reason: str) -> None:
    with pytest.raises(DataError, match=f"x: {reason}"):
        load_checked(Document("x", (Part("text", text),)))


def test_texts_are_checked_without_a_look_at_the_pictures(tmp_path: Path) -> None:
    gone = Part("image", tmp_path / "gone.png")
    check_texts(Document("x", (Part("text", "a fox"), gone)))
    with pytest.raises(DataError, match=r"x: unreadable text: .*motet data check"):
        check_texts(Document("x", (gone, Part("text", "half \ud83d"))))


def test_a_modality_that_nobody_knows_is_refused() -> None:
    with pytest.raises(DataError, match="'smell'"):
        Part("smell", "roses").load()
