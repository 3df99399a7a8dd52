"""One process at a time in a folder: two that train one run would write into each other's files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from motet.errors import CheckpointError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds FOLDER/lock while the block runs; the system lets go of it when the process ends, however it ends.

    Raises CheckpointError if another process holds it.
    """
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise CheckpointError(
            f"another process is at work in {folder}; wait until it has ended, or end it, and then try again"
        ) from error
    try:
        yield
    finally:
        lock.release()
