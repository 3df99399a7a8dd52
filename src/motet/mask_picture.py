"""The mask picture: who sees whom in a packed row, as a picture for the eye.

Rows are queries and columns are keys, both in the order of the row. A cell has the colour of the key's modality: strong
where query and key share a block, light where the key is public and in an earlier block. An empty cell is not seen.
Bars along both edges mark documents and modalities; each document says what it holds beside its frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from PIL import Image, ImageDraw, ImageFont

from motet.sequence import NO_DOCUMENT, Tags, sees

Colour = tuple[int, int, int]
T = TypeVar("T")

STRONG: tuple[Colour, ...] = ((38, 87, 166), (214, 106, 28), (47, 133, 90), (140, 66, 153))
"""One for each modality in their order: blue, orange, green, violet."""

_INK, _DIM, _LINE, _GROUND, _PAPER = (34, 34, 34), (120, 120, 120), (170, 170, 170), (246, 246, 243), (255, 255, 255)
_DOCUMENTS: tuple[Colour, ...] = ((72, 72, 72), (150, 150, 150))
_WIDTH = 960  # pixels that the cells may take
_BAR, _GAP, _FONT, _EDGE = 12, 4, 15, 24
_LIGHT, _PRIVATE = 0.42, 0.55  # how much of a colour stays


@dataclass(frozen=True)
class Row:
    """One packed row. tags: ``[t]``; modality: one name a token, "" for padding; titles: what each document holds."""

    tags: Tags
    modality: Sequence[str]
    titles: Sequence[str]


@dataclass(frozen=True)
class _Frame:
    """Where things stand: tokens have ``cell`` pixels, the first one begins at ``origin`` on both axes."""

    n: int
    cell: int
    origin: int

    @property
    def side(self) -> int:
        return self.n * self.cell

    def at(self, token: int) -> int:
        return self.origin + token * self.cell


def mask_picture(row: Row) -> Image.Image:
    """The picture of one packed row, with its legend."""
    n = len(row.modality)
    frame = _Frame(n, max(2, min(16, _WIDTH // n)), _EDGE + _FONT + 8 + 2 * (_BAR + _GAP))
    colours = dict(zip(_modalities(row), STRONG, strict=False))
    height = frame.origin + frame.side + 2 * _GAP + 3 * (_FONT + 12) + _EDGE
    picture = Image.new("RGB", (max(frame.origin + frame.side + _EDGE, 560), height), _PAPER)
    draw = ImageDraw.Draw(picture)
    _cells(draw, row, frame, colours)
    _documents(draw, row, frame)
    _bars(draw, row, frame, colours)
    _axes(picture, draw, frame)
    _legend(draw, row, frame, colours)
    return picture


def _modalities(row: Row) -> list[str]:
    return list(dict.fromkeys(name for name in row.modality if name))


def _cells(draw: ImageDraw.ImageDraw, row: Row, frame: _Frame, colours: dict[str, Colour]) -> None:
    block = row.tags.block.tolist()
    gap = 1 if frame.cell >= 5 else 0
    draw.rectangle((frame.at(0), frame.at(0), frame.at(frame.n) - 1, frame.at(frame.n) - 1), fill=_GROUND)
    for query, line in enumerate(sees(row.tags, row.tags).tolist()):
        for key, seen in enumerate(line):
            if seen and row.modality[key]:
                strong = colours[row.modality[key]]
                colour = strong if block[query] == block[key] else _mix(strong, _LIGHT)
                x, y = frame.at(key), frame.at(query)
                draw.rectangle((x, y, x + frame.cell - 1 - gap, y + frame.cell - 1 - gap), fill=colour)


def _documents(draw: ImageDraw.ImageDraw, row: Row, frame: _Frame) -> None:
    """A frame around each document, and its title in the upper right half, which its own tokens leave free."""
    font = ImageFont.load_default(_FONT)
    for number, (doc, start, stop) in enumerate(_runs(row.tags.doc.tolist())):
        left, right = frame.at(start), frame.at(stop) - 1
        if doc == NO_DOCUMENT:
            draw.line((left, left, right, right), fill=_LINE, width=1)
            continue
        draw.rectangle((left - 1, left - 1, right, right), outline=_DIM, width=1)
        room = frame.at(frame.n) - right - 2 * _GAP
        title = row.titles[number]
        if font.getlength(title) <= room:
            draw.text((right + 2 * _GAP, left + _GAP), title, fill=_INK, font=font)
        elif font.getlength(title) <= left - frame.origin - 2 * _GAP:
            draw.text((left - 2 * _GAP, right - _GAP), title, fill=_INK, font=font, anchor="rs")


def _bars(draw: ImageDraw.ImageDraw, row: Row, frame: _Frame, colours: dict[str, Colour]) -> None:
    """The inner bar: modalities, private tokens paler; the outer one: documents."""
    inner, outer = frame.origin - _GAP - _BAR, frame.origin - 2 * (_GAP + _BAR)
    kinds = list(zip(row.modality, row.tags.public.tolist(), row.tags.doc.tolist(), strict=True))
    for (name, public, _), start, stop in _runs(kinds):
        if name:
            colour = colours[name] if public else _mix(colours[name], _PRIVATE)
            _along(draw, inner, (frame.at(start), frame.at(stop) - 1), colour)
    for number, (doc, start, stop) in enumerate(_runs(row.tags.doc.tolist())):
        if doc != NO_DOCUMENT:
            _along(draw, outer, (frame.at(start), frame.at(stop) - 1), _DOCUMENTS[number % 2])


def _along(draw: ImageDraw.ImageDraw, at: int, span: tuple[int, int], colour: Colour) -> None:
    """The same bar along the top and along the left."""
    first, last = span
    draw.rectangle((first, at, last - 1, at + _BAR - 1), fill=colour)
    draw.rectangle((at, first, at + _BAR - 1, last - 1), fill=colour)


def _axes(picture: Image.Image, draw: ImageDraw.ImageDraw, frame: _Frame) -> None:
    font = ImageFont.load_default(_FONT)
    draw.text((frame.origin, _EDGE - 6), "keys: what is seen", fill=_DIM, font=font)
    words = "queries: who looks"
    label = Image.new("RGB", (int(font.getlength(words)) + 4, _FONT + 6), _PAPER)
    ImageDraw.Draw(label).text((0, 0), words, fill=_DIM, font=font)
    turned = label.rotate(90, expand=True)
    picture.paste(turned, (_EDGE - 6, frame.origin))


def _legend(draw: ImageDraw.ImageDraw, row: Row, frame: _Frame, colours: dict[str, Colour]) -> None:
    font = ImageFont.load_default(_FONT)
    top = frame.origin + frame.side + 3 * _GAP
    for name, colour in colours.items():
        left = frame.origin
        for swatch, words in ((colour, f"{name}: same block"), (_mix(colour, _LIGHT), f"{name}: earlier and public")):
            draw.rectangle((left, top, left + _FONT - 1, top + _FONT - 1), fill=swatch)
            draw.text((left + _FONT + 8, top - 2), words, fill=_INK, font=font)
            left += 190
        top += _FONT + 10
    private = not all(row.tags.public.tolist()[: sum(map(bool, row.modality))])
    words = "empty: not seen. Outer bars: documents; inner bars: modalities" + ("; pale: private copies" * private)
    draw.text((frame.origin, top - 2), words, fill=_DIM, font=font)


def _runs(values: Sequence[T]) -> Iterator[tuple[T, int, int]]:
    """Each run of equal values: the value, where it starts, where it stops."""
    start = 0
    for value, run in groupby(values):
        stop = start + sum(1 for _ in run)
        yield value, start, stop
        start = stop


def _mix(colour: Colour, share: float) -> Colour:
    red, green, blue = (round(255 - share * (255 - part)) for part in colour)
    return red, green, blue
