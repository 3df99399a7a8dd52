"""How long a run took, those parts of it included that were interrupted or failed."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from motet.whole import write_json


@contextmanager
def stopwatch(path: Path) -> Iterator[Callable[[], float]]:
    """Tells the seconds spent in this block and, as ``path`` has them, in earlier ones; keeps them there.

    A block that ends by an error or an interruption counts; one whose process is killed does not.
    """
    before: float = json.loads(path.read_text())["seconds"] if path.is_file() else 0.0
    began = time.monotonic()

    def so_far() -> float:
        return before + time.monotonic() - began

    try:
        yield so_far
    finally:
        write_json(path, {"seconds": so_far()})
