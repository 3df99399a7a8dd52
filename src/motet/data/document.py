"""Document: one raw sample, a run of texts and pictures in order. The one schema behind every source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from motet.data.picture import read_picture, upright_rgb
from motet.data.problem import ItemError, Reason


@dataclass(frozen=True)
class Part:
    """One run of one modality, raw."""

    modality: str
    """``text`` or ``image``."""
    value: str | Image.Image | Path
    """A text; or a picture, the path of one, or a ``data:`` URL: the last two are read by ``load()``, not before."""
    learn: bool = True
    """False: condition only, such as a user's turn of a chat."""

    def load(self) -> str | Image.Image:
        """The text, or the picture upright and in RGB.

        Raises:
            ItemError: an empty text, or a picture that cannot be used, with the reason.
        """
        if self.modality == "text" and isinstance(self.value, str):
            if not self.value.strip():
                raise ItemError(Reason.EMPTY_TEXT, f"expected words, got {self.value!r}")
            if not encodes(self.value):
                raise ItemError(Reason.UNREADABLE_TEXT, f"half a character, which UTF-8 cannot hold: {self.value!r}")
            return self.value
        if self.modality == "image":
            return upright_rgb(self.value) if isinstance(self.value, Image.Image) else read_picture(self.value).image
        raise ItemError(
            Reason.INVALID_ENTRY, f"no part has modality {self.modality!r} and a {type(self.value).__name__}"
        )


@dataclass(frozen=True)
class Document:
    """One raw sample."""

    id: str
    """Stable, and unique in its source."""
    parts: tuple[Part, ...]
    group: str = ""
    """Documents that are variants of one subject share it, so that a sampler can balance them."""
    split: str = "train"
    """``train`` or ``held_out``."""

    @property
    def text(self) -> str:
        """All its texts, joined by spaces."""
        return " ".join(part.value for part in self.parts if part.modality == "text" and isinstance(part.value, str))


def encodes(text: str) -> bool:
    """Whether UTF-8 can hold it; half a character of two, as a terminal passes on a byte that is none, it cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


CHECK_FIRST = "Run `motet data check` on this data once; training then skips what it cannot use"


def load_checked(document: Document) -> list[tuple[str, str | Image.Image]]:
    """Every part as (modality, loaded value), in order.

    Raises:
        DataError: a part that cannot be used; it names the document and the reason (an ``ItemError``).
    """
    return [(part.modality, _loaded(document, part)) for part in document.parts]


def check_texts(document: Document) -> None:
    """Look at all but the pictures, which takes no time.

    Raises:
        DataError: as ``load_checked``.
    """
    for part in document.parts:
        if part.modality != "image":
            _loaded(document, part)


def _loaded(document: Document, part: Part) -> str | Image.Image:
    try:
        return part.load()
    except ItemError as error:
        raise ItemError(error.reason, f"{error.detail}. {CHECK_FIRST}", id=document.id) from error
