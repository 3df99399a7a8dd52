"""Captions in other scripts are drawn in a font that has their letters."""

import importlib.util

import pytest
from PIL import ImageFont

from motet.data import font
from motet.data.font import font_for


def shape(text: str, given: font.Font) -> bytes:
    return bytes(given.getmask(text))


def test_latin_captions_are_in_pillows_own_font_with_their_dashes_and_quotes() -> None:
    own = ImageFont.load_default(13)
    for text in ("four o’clock – naïve", "Škoda"):
        assert shape(text, font_for([text], 13)) == shape(text, own)


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="no font of other scripts is certain here")
@pytest.mark.parametrize("text", ["красное сердце", "κόκκινη καρδιά"])
def test_letters_of_other_scripts_are_told_apart(text: str) -> None:
    own, chosen = ImageFont.load_default(13), font_for(["a fox", text], 13)
    letters = sorted(set(text) - {" "})
    assert len({shape(letter, own) for letter in letters}) == 1, "boxes"
    assert len({shape(letter, chosen) for letter in letters}) == len(letters)


def test_without_any_such_font_the_own_one_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font, "_WIDE", ())
    monkeypatch.setattr(font, "_of_matplotlib", list)
    assert shape("心", font_for(["心"], 13)) == shape("心", ImageFont.load_default(13))
