"""One self-contained HTML file of text, tables, pictures and plots: nothing outside it is needed to read it.

    write_page("index.html", [
        KeyNumbers("Results", [KeyNumber("29.4 dB", "codec PSNR", target="at least 29 dB", met=True)]),
        Gallery("From names to pictures", [Tile(picture, "red heart", truth=original)]),
    ], title="Motet", subtitle="LatentLM on emoji", credit="Twemoji art: CC-BY 4.0, Twitter, Inc. and contributors")

All text is escaped. Pictures are uint8 tensors [3, h, w], embedded without loss; small ones are enlarged by a whole
factor without blurring, so every one of their pixels can be seen.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import ClassVar, TypeAlias

import jinja2
from jaxtyping import UInt8
from markupsafe import Markup
from PIL import Image
from torch import Tensor

from motet.errors import DataError
from motet.types import PathLike
from motet.whole import whole

TEMPLATES = Path(__file__).parent / "templates"
TILE = 132  # the width, in CSS pixels, that pictures are shown at, about
FEW = 12  # so many sentences need no folding

Picture: TypeAlias = UInt8[Tensor, "3 h w"]


@dataclass(frozen=True)
class KeyNumber:
    """A figure and what it says; `target` in words, and whether it is met. `detail` is small print, as an interval."""

    value: str
    label: str
    target: str = ""
    met: bool | None = None
    detail: str = ""


@dataclass(frozen=True)
class KeyNumbers:
    """Big figures, side by side."""

    title: str
    numbers: Sequence[KeyNumber]
    note: str = ""
    kind: ClassVar[str] = "key_numbers"


@dataclass(frozen=True)
class Tile:
    """A picture over its caption; with `truth` the true picture beside it, with `expected` the true caption below it,
    with `ok` a mark for right or wrong."""

    picture: Picture
    caption: str
    truth: Picture | None = None
    expected: str = ""
    ok: bool | None = None


@dataclass(frozen=True)
class Gallery:
    """Pictures with captions, in as many columns as fit."""

    title: str
    tiles: Sequence[Tile]
    note: str = ""
    kind: ClassVar[str] = "gallery"


@dataclass(frozen=True)
class Pair:
    """A picture, what a codec made of it, and a remark such as its PSNR."""

    original: Picture
    reconstruction: Picture
    caption: str = ""


@dataclass(frozen=True)
class Pairs:
    """Originals beside their reconstructions."""

    title: str
    pairs: Sequence[Pair]
    note: str = ""
    kind: ClassVar[str] = "pairs"


@dataclass(frozen=True)
class Figure:
    """A plot: an `<svg>` element of our own making (it is not escaped), or PNG bytes."""

    title: str
    image: str | bytes
    note: str = ""
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Table:
    """Rows of text under a header, which may be empty. Columns of numbers are set to the right."""

    title: str
    rows: Sequence[Sequence[str]]
    header: Sequence[str] = ()
    note: str = ""
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Text:
    """Plain paragraphs."""

    title: str
    paragraphs: Sequence[str]
    note: str = ""
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Folds:
    """Sentences in groups that unfold, each under its name; all are open where there are few."""

    title: str
    groups: Sequence[tuple[str, Sequence[str]]]
    note: str = ""
    kind: ClassVar[str] = "folds"

    @property
    def opened(self) -> bool:
        return sum(len(sentences) for _, sentences in self.groups) <= FEW


@dataclass(frozen=True)
class Commands:
    """Shell commands, each with what it does: (command, purpose)."""

    title: str
    commands: Sequence[tuple[str, str]]
    note: str = ""
    kind: ClassVar[str] = "commands"


@dataclass(frozen=True)
class Grid:
    """Pictures side by side: a row for each caption, a column for each thing that is compared. None: an empty cell."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Picture | None]]]
    note: str = ""
    kind: ClassVar[str] = "grid"


@dataclass(frozen=True)
class Chapter:
    """Sections that belong together, each under a smaller heading; the page's list of links names the chapter alone."""

    title: str
    sections: Sequence["Section"]
    note: str = ""
    kind: ClassVar[str] = "chapter"


Section: TypeAlias = KeyNumbers | Gallery | Pairs | Grid | Figure | Table | Text | Folds | Commands | Chapter


def write_page(path: PathLike, sections: Sequence[Section], *, title: str, subtitle: str, credit: str) -> Path:
    """Writes the page and returns its path; a reader never sees half of it. Folders are made as needed.

    Raises DataError for a table whose rows differ in length.
    """
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(img=img, plot=_plot, anchor=_anchor, numeric=_numeric)
    html = environment.get_template("page.html.j2").render(
        title=title, subtitle=subtitle, credit=credit, sections=sections
    )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_text(html, encoding="utf-8")
    return path


def img(picture: Picture, alt: str) -> Markup:
    """An `<img>` element that holds the picture itself."""
    _, height, width = picture.shape
    shown = width * max(1, round(TILE / width)) if width <= TILE else TILE
    out = BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).cpu().contiguous().numpy()).save(out, "WEBP", lossless=True, quality=60)
    data = base64.b64encode(out.getvalue()).decode()
    return Markup('<img{} width="{}" height="{}" alt="{}" src="data:image/webp;base64,{}">').format(
        Markup(' class="crisp"') if width <= TILE else "", shown, round(shown * height / width), alt, data
    )


def _plot(figure: Figure) -> Markup:
    if isinstance(figure.image, str):
        return Markup(figure.image)
    data = base64.b64encode(figure.image).decode()
    return Markup('<img alt="{}" src="data:image/png;base64,{}">').format(figure.title, data)


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")


def _numeric(table: Table) -> list[bool]:
    """Which columns hold numbers (with a unit, perhaps) in every row."""
    widths = {len(row) for row in [*table.rows, *([table.header] if table.header else [])]}
    if len(widths) > 1:
        raise DataError(f"the table {table.title!r} has rows of {sorted(widths)} cells; give all the same number")
    number = re.compile(r"[-+<>≥≤~ ]*\d[\d.,]*( ?[%\w/²]+)?( [\[±].*)?")
    return [all(number.fullmatch(cell) for cell in column) for column in zip(*table.rows, strict=True)]
