"""Files that are whole or absent, whenever the process dies."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what will stand at ``path``: at the end of the block it takes its place in one step.

    Until then a reader finds the old file, or none; an error in the block leaves it so. Raises OSError if nothing can
    be written there. A process that is killed meanwhile leaves NAME.PID.partial, which nobody reads.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes ``value`` whole. Raises ValueError for a number that is no number."""
    with whole(path) as partial:
        partial.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
