"""A contact sheet: many documents on one page, each a thumbnail with its caption beneath."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from motet.data.cache import cache_folder
from motet.data.document import Document
from motet.data.evenly import evenly
from motet.data.font import Font, font_for
from motet.data.picture_file import save
from motet.data.problem import ItemError
from motet.errors import DataError

_THUMB, _GAP, _FONT_SIZE, _N_LINES = 108, 12, 13, 4
_LINE = _FONT_SIZE + 3
_WIDTH, _HEIGHT = _THUMB + _GAP, _THUMB + 5 + _N_LINES * _LINE + _GAP
_MOST = 4  # pictures of a document that are shown
_NARROWEST = 2  # pixels of the narrowest letter: more letters than this allows are never measured
_BACK, _INK, _DIM, _BAD = "white", "#222222", "#e4e4e4", "#b00020"


def contact_sheet(documents: Sequence[Document], path: Path, columns: int = 12, limit: int = 96) -> None:
    """Draw up to ``limit`` documents, evenly spaced over all of them, and save the picture at ``path``.

    A document is shown by its pictures, the first four at most, and all its text; one without a picture by its text
    alone; a bad picture by its reason in red. Captions are wrapped to four lines and ended with an ellipsis where they
    are longer.

    Raises:
        DataError: nothing to draw, no room for it, or a place that cannot be written to.
    """
    if not documents or columns < 1 or limit < 1:
        raise DataError(
            f"no contact sheet of {len(documents)} documents, {columns} columns, limit {limit}: all must be >= 1"
        )
    shown = evenly(documents, limit)
    columns = min(columns, len(shown))
    n_rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * _WIDTH + _GAP, n_rows * _HEIGHT + _GAP), _BACK)
    draw, font = ImageDraw.Draw(sheet), font_for((document.text for document in shown), _FONT_SIZE)
    for i, document in enumerate(shown):
        row, column = divmod(i, columns)
        _cell(sheet, draw, document, at=(_GAP + column * _WIDTH, _GAP + row * _HEIGHT), font=font)
    save(sheet, path)


def own_place(name: str) -> Path:
    """Where the sheet of the data of this name is drawn if nobody says where: in the cache, since a picture in the
    current folder might lie among those of the data."""
    words = re.sub(r"\W+", "-", name).strip("-")
    return cache_folder() / "sheets" / f"{words[-60:]}.png"


def _cell(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, document: Document, *, at: tuple[int, int], font: Font
) -> None:
    left, top = at
    pictures = [part for part in document.parts if part.modality == "image"][:_MOST]
    side = _THUMB if len(pictures) < 2 else _THUMB // 2
    for number, part in enumerate(pictures):
        down, right = divmod(number, 2)
        x, y = left + right * side, top + down * side + (side // 2 if len(pictures) == 2 else 0)
        try:
            image = part.load()
        except ItemError as error:
            _lines(draw, wrap(error.reason, font, lines=4, width=side), at=(x + 4, y + 4), font=font, ink=_BAD)
            continue
        if isinstance(image, Image.Image):
            thumb = _thumbnail(image, side)
            sheet.paste(thumb, (x + (side - thumb.width) // 2, y + (side - thumb.height) // 2))
    draw.rectangle((left, top, left + _THUMB - 1, top + _THUMB - 1), outline=_DIM)
    _lines(draw, wrap(document.text, font, lines=_N_LINES), at=(left, top + _THUMB + 5), font=font, ink=_INK)


def _thumbnail(image: Image.Image, side: int) -> Image.Image:
    """The whole picture in a square of ``side`` pixels; of one that is a mere line, a pixel at least."""
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _lines(draw: ImageDraw.ImageDraw, lines: list[str], *, at: tuple[int, int], font: Font, ink: str) -> None:
    for i, line in enumerate(lines):
        draw.text((at[0], at[1] + i * _LINE), line, fill=ink, font=font)


def wrap(text: str, font: Font, *, lines: int, width: int = _THUMB) -> list[str]:
    """The text broken into at most ``lines`` lines of ``width`` pixels; what does not fit ends in an ellipsis."""
    rest = " ".join(text.split())[: lines * width // _NARROWEST]
    broken: list[str] = []
    while rest and len(broken) < lines - 1:
        line = _head(rest, font, width)
        broken.append(line)
        rest = rest[len(line) :].lstrip()
    if not rest:
        return broken
    last = rest
    while font.getlength(last) > width:
        last = last.removesuffix("…")[:-1].rstrip() + "…"
    return [*broken, last]


def _head(text: str, font: Font, width: int) -> str:
    """As many whole words as fit; of a word that is too long alone, as many letters."""
    words = text[: width // _NARROWEST].split(" ")
    n = next((n for n in range(len(words), 0, -1) if font.getlength(" ".join(words[:n])) <= width), 0)
    if n:
        return " ".join(words[:n])
    n = next(n for n in range(len(words[0]), 0, -1) if n == 1 or font.getlength(words[0][:n]) <= width)
    return words[0][:n]
