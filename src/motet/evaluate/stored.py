"""Records on disk, read back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from motet.config import from_dict
from motet.errors import CheckpointError, ConfigError

R = TypeVar("R")


def read_record(cls: type[R], path: Path) -> R:
    """The record, a frozen dataclass, that ``path`` holds. Raises CheckpointError if it holds none."""
    try:
        return from_dict(cls, json.loads(path.read_text()))
    except (json.JSONDecodeError, ConfigError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); delete it, and the run is made again") from error


def differing(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The names under which two settings differ, those that only one of them has among them."""
    return [name for name in {**theirs, **mine} if mine.get(name) != theirs.get(name)]
