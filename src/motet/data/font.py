"""The letters of captions on pictures."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

_WIDE = ("NotoSansCJK-Regular.ttc", "DejaVuSans.ttf", "Arial Unicode.ttf")
"""Fonts of many scripts, where a system has one of them."""


def font_for(texts: Iterable[str], size: int) -> Font:
    """Pillow's own font, which has Latin letters alone; where other ones are needed, one that may have them.

    Matplotlib brings DejaVu: Latin, Greek, Cyrillic, Arabic and more. Letters that no font here has are drawn as boxes.
    """
    if all(_is_latin(text) for text in texts):
        return ImageFont.load_default(size)
    for name in (*_WIDE, *_of_matplotlib()):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _is_latin(text: str) -> bool:
    return all(letter < "\u0250" or "\u2010" <= letter <= "\u2027" for letter in text)


def _of_matplotlib() -> list[str]:
    """Found without importing it, which takes a second."""
    spec = importlib.util.find_spec("matplotlib")
    folders = spec.submodule_search_locations if spec is not None else None
    return [str(Path(folder) / "mpl-data/fonts/ttf/DejaVuSans.ttf") for folder in folders or ()]
