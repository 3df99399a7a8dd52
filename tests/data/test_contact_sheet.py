from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from motet.data.contact_sheet import contact_sheet, own_place, wrap
from motet.data.document import Document, Part
from motet.errors import DataError

Paint = Callable[..., Path]

FONT = ImageFont.load_default(13)


def colours(path: Path) -> set[tuple[int, ...]]:
    return set(map(tuple, np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).tolist()))


def test_each_document_is_drawn_with_its_picture_and_caption(tmp_path: Path) -> None:
    shades = [(200, 20 * n, 0) for n in range(5)]
    documents = [
        Document(str(n), (Part("text", "fox"), Part("image", Image.new("RGB", (8, 8), shades[n])))) for n in range(5)
    ]
    contact_sheet(documents, tmp_path / "sheet.png", columns=3)
    found = colours(tmp_path / "sheet.png")
    assert set(shades) <= found
    assert any(max(colour) < 80 for colour in found), "no ink: the captions are missing"


def test_the_pictures_of_a_document_stand_side_by_side_and_a_mere_line_is_shown(tmp_path: Path) -> None:
    shades = [(200, 20 * n, 0) for n in range(5)]
    pictures = [Part("image", Image.new("RGB", (8, 8), shade)) for shade in shades]
    for n in (2, 4, 5):
        contact_sheet([Document("x", tuple(pictures[:n]))], tmp_path / "sheet.png")
        assert {colour for colour in colours(tmp_path / "sheet.png") if colour in shades} == set(shades[: min(n, 4)])
    contact_sheet([Document("x", (Part("image", Image.new("RGB", (900, 1), "red")),))], tmp_path / "sheet.png")
    assert (255, 0, 0) in colours(tmp_path / "sheet.png")


def test_a_limited_sheet_is_spread_over_all_documents(tmp_path: Path) -> None:
    documents = [Document(str(n), (Part("image", Image.new("RGB", (8, 8), (200, n, 0))),)) for n in range(100)]
    contact_sheet(documents, tmp_path / "sheet.png", limit=4)
    assert {green for red, green, blue in colours(tmp_path / "sheet.png") if (red, blue) == (200, 0)} == {0, 25, 50, 75}


def test_a_bad_picture_is_shown_by_its_reason_and_stops_nothing(tmp_path: Path) -> None:
    contact_sheet([Document("x", (Part("text", "fox"), Part("image", tmp_path / "gone.png")))], tmp_path / "sheet.png")
    assert (176, 0, 32) in colours(tmp_path / "sheet.png")


def test_nothing_to_draw_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0 documents"):
        contact_sheet([], tmp_path / "sheet.png")


def test_a_sheet_without_a_place_goes_into_the_cache_under_the_name_of_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path))
    assert own_place("folder:../my photos/ü") == tmp_path / "sheets" / "folder-my-photos-ü.png"
    assert own_place("scenes:level=1,n=9") != own_place("scenes:level=1,n=8")


def test_a_caption_that_fits_is_not_cut() -> None:
    assert (
        " ".join(wrap("woman swimming medium-dark skin tone", FONT, lines=4)) == "woman swimming medium-dark skin tone"
    )


@pytest.mark.parametrize("text", ["a very long caption " * 20, "x" * 500, "é" * 90 + " tail"])
def test_a_long_caption_keeps_to_its_cell_and_ends_in_an_ellipsis(text: str) -> None:
    lines = wrap(text, FONT, lines=3, width=100)
    assert len(lines) == 3
    assert all(FONT.getlength(line) <= 100 for line in lines)
    assert lines[-1].endswith("…")


def test_no_caption_is_no_line() -> None:
    assert wrap(" \n", FONT, lines=3) == []
