"""Records on disk: JSON that is whole or absent, whenever the process dies."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from motet.config import from_dict
from motet.errors import CheckpointError, ConfigError

R = TypeVar("R")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes ``value``; a reader sees the old file or the new one. Raises ValueError for a number that is no number."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
    os.replace(partial, path)


def read_record(cls: type[R], path: Path) -> R:
    """The record, a frozen dataclass, that ``path`` holds. Raises CheckpointError if it holds none."""
    try:
        return from_dict(cls, json.loads(path.read_text()))
    except (json.JSONDecodeError, ConfigError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); delete it, and the run is made again") from error


def differing(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The names under which two settings differ, those that only one of them has among them."""
    return [name for name in {**theirs, **mine} if mine.get(name) != theirs.get(name)]
