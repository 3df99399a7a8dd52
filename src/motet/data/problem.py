"""What can be wrong with one item of a data set, in words that go to the user and into the quarantine file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from motet.errors import DataError

_SHOWN = 160
"""A value is shown whole up to so many characters."""


class Reason(StrEnum):
    """Why an item cannot be trained on. The values are what a quarantine file says."""

    MISSING_FILE = "missing file"
    EMPTY_FILE = "empty file"
    NOT_AN_IMAGE = "not an image"
    TRUNCATED = "truncated or damaged"
    TOO_LARGE = "too large"
    UNSUPPORTED_MODE = "unsupported mode"
    MISSING_CAPTION = "missing caption"
    EMPTY_TEXT = "empty text"
    UNREADABLE_TEXT = "unreadable text"
    NOTHING_TO_LEARN = "nothing to learn"
    INVALID_JSON = "invalid json"
    INVALID_ENTRY = "invalid entry"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Problem:
    """One item that cannot be used: its id in the source, why, and what exactly was found."""

    id: str
    reason: str
    detail: str = ""


class ItemError(DataError):
    """An item that cannot be used, with its ``reason`` and ``detail`` apart so that they can be counted."""

    def __init__(self, reason: Reason, detail: str, *, id: str = "") -> None:
        super().__init__(f"{id + ': ' if id else ''}{reason}: {detail}")
        self.id, self.reason, self.detail = id, reason, detail

    def problem(self, id: str) -> Problem:
        """The same finding as a record about the item called ``id``."""
        return Problem(id, str(self.reason), self.detail)


def shown(value: object) -> str:
    """A path, or what stands where one should, quoted for a message; of a long one its beginning and its end."""
    text = repr(str(value) if isinstance(value, Path) else value)
    return text if len(text) <= _SHOWN else f"{text[:40]}...{text[-40:]}"


def unreadable(path: Path, error: OSError | ValueError) -> str:
    """Words about a file that cannot be read; those of an OSError would repeat its path, however long it is."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"{shown(path)} cannot be read: {why}"
