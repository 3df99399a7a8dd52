"""Files that are whole or absent, whenever the process dies."""

import glob
import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what will stand at ``path``: at the end of the block it takes its place in one step.

    Until then a reader finds the old file, or none; an error in the block leaves it so. Raises OSError if nothing can
    be written there. A process that is killed meanwhile leaves NAME.HOST.PID.partial: nobody reads it, and the next
    writer of NAME on that machine deletes it.
    """
    begin = f"{path.name}.{platform.node()}."  # processes of two machines may share a folder, and a number
    partial = path.with_name(f"{begin}{os.getpid()}.partial")
    _sweep(path.parent, begin)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _sweep(folder: Path, begin: str) -> None:
    """Deletes partial files of processes that live no longer. What cannot be deleted is in nobody's way."""
    for left in folder.glob(f"{glob.escape(begin)}*.partial"):
        pid = left.name.removeprefix(begin).removesuffix(".partial")
        if pid.isdecimal() and not _lives(int(pid)):
            with suppress(OSError):
                left.unlink()


def _lives(pid: int) -> bool:
    """Whether there is such a process. Where one cannot ask, it may live: on Windows the question would end it."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's; the number of no process here
        return True
    return True


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes ``value`` whole. Raises ValueError for a number that is no number."""
    with whole(path) as partial:
        partial.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
