"""A sheet of strips: a row of pictures for each caption, under its words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from motet.data.contact_sheet import wrap
from motet.data.font import font_for
from motet.data.picture_file import save
from motet.errors import DataError

_SIDE, _GAP, _FONT = 112, 10, 15
_LINE = _FONT + 12


@dataclass(frozen=True)
class Layout:
    """Where ``rows`` of ``columns`` pictures stand, the largest of them of ``picture`` = (width, height).

    Pictures smaller than 112 pixels are enlarged by a whole factor, so that a 48-pixel one can be looked at.
    """

    rows: int
    columns: int
    picture: tuple[int, int]

    @property
    def scale(self) -> int:
        return max(1, round(_SIDE / max(self.picture)))

    @property
    def cell(self) -> tuple[int, int]:
        return self.picture[0] * self.scale + _GAP, self.picture[1] * self.scale + _GAP

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet in pixels."""
        width, height = self.cell
        return max(self.columns * width, 2 * _SIDE) + _GAP, self.rows * (height + _LINE) + _GAP


def strips(rows: Sequence[tuple[str, Sequence[Image.Image]]], path: Path) -> None:
    """Draw ``rows`` of (caption, pictures) and save them at ``path``, in the format that its suffix names.

    Raises:
        DataError: no picture at all, a sheet too long for its format, or a place that cannot be written to.
    """
    shown = [picture for _, pictures in rows for picture in pictures]
    if not shown:
        raise DataError("no pictures were given to draw; expected at least one")
    largest = max(p.width for p in shown), max(p.height for p in shown)
    layout = Layout(len(rows), max(len(pictures) for _, pictures in rows), largest)
    cell, scale = layout.cell, layout.scale
    sheet = Image.new("RGB", layout.size, "white")
    draw, font = ImageDraw.Draw(sheet), font_for((caption for caption, _ in rows), _FONT)
    for row, (caption, pictures) in enumerate(rows):
        top = _GAP + row * (cell[1] + _LINE)
        for line in wrap(caption, font, lines=1, width=layout.size[0] - 2 * _GAP):
            draw.text((_GAP, top), line, fill="#222222", font=font)
        for column, picture in enumerate(pictures):
            grown = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BICUBIC)
            sheet.paste(grown, (_GAP + column * cell[0], top + _LINE))
    save(sheet, path)
