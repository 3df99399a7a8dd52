"""JSON lines, one at a time: a bad line is reported, and the lines after it are still read."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motet.data.problem import ItemError, Reason


@dataclass(frozen=True)
class Line:
    """One line of a file: its number (from 1) and its bytes without the line end."""

    number: int
    raw: bytes

    def parse(self) -> dict[str, Any]:
        """The JSON object it holds.

        Raises:
            ItemError: not UTF-8, not JSON, or not an object.
        """
        try:
            value = json.loads(self.raw.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ItemError(Reason.INVALID_JSON, f"line {self.number}: {error}") from error
        if not isinstance(value, dict):
            raise ItemError(Reason.INVALID_JSON, f"line {self.number}: expected an object, got {type(value).__name__}")
        return value


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a file that are not blank. Reads one line at a time."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            content = (raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw).strip()
            if content:
                yield Line(number, content)
