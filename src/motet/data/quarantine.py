"""The quarantine file: a JSONL of the items that cannot be used, and why. Training skips exactly these.

It lies with the data; of data in a folder that cannot be written to, in the cache.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from motet.data.cache import cache_folder
from motet.data.document import Document
from motet.data.lines import read_lines
from motet.data.problem import ItemError, Problem
from motet.errors import DataError
from motet.whole import whole

Skipped = tuple[str, str]
"""(id, reason)."""


def write_quarantine(path: Path, problems: Iterable[Problem], *, source: str) -> None:
    """Replace the file at ``path`` in one step. No problems leave an empty file: checked, and clean.

    Raises:
        DataError: the folder cannot be written to.
    """
    try:
        with whole(path) as partial, partial.open("w", encoding="utf-8") as file:
            for problem in problems:
                row = {"id": problem.id, "reason": problem.reason, "detail": problem.detail, "source": source}
                file.write(json.dumps(row) + "\n")
    except OSError as error:
        raise DataError(f"the quarantine file {path} cannot be written ({error}); give another place for it") from error


def keep(beside: Path, problems: Sequence[Problem], *, source: str) -> Path:
    """Write the file where training finds it, and say where: ``beside`` the data, or in the cache if nothing can be.

    Raises:
        DataError: neither place can be written to.
    """
    try:
        write_quarantine(beside, problems, source=source)
        return beside
    except DataError:
        place = _in_cache(beside)
        with suppress(OSError):  # if there is no folder, the next line says so
            place.parent.mkdir(parents=True, exist_ok=True)
        write_quarantine(place, problems, source=source)
        return place


def kept_at(beside: Path) -> Path | None:
    """The file that training reads: the newer one of the two places of ``keep``; None if both are empty."""
    there = [path for path in (beside, _in_cache(beside)) if path.is_file()]
    return max(there, key=lambda path: path.stat().st_mtime_ns, default=None)


def _in_cache(beside: Path) -> Path:
    """Named by the absolute path of the data, since many data sets may lie where nothing can be written."""
    name = blake2b(os.fsencode(beside.parent.resolve() / beside.name), digest_size=8).hexdigest()
    return cache_folder() / "quarantine" / f"{name}.jsonl"


def read_quarantine(path: Path) -> dict[str, str]:
    """The reason by id.

    Raises:
        DataError: no such file, or a line without id and reason: to pass over it would let a bad item through.
    """
    if not path.is_file():
        raise DataError(f"there is no quarantine file {path}; `motet data check` writes one")
    reasons = {}
    for line in read_lines(path):
        try:
            row = line.parse()
        except ItemError as error:
            raise DataError(f"{path}: {error.detail}; delete the file and run `motet data check` again") from error
        if not (isinstance(row.get("id"), str) and isinstance(row.get("reason"), str)):
            raise DataError(
                f"{path}: line {line.number} has no id and reason; delete it and run `motet data check` again"
            )
        reasons[row["id"]] = row["reason"]
    return reasons


def without_quarantined(
    documents: Sequence[Document], quarantine: dict[str, str]
) -> tuple[list[Document], list[Skipped]]:
    """The documents to keep, in order, and those left out. ``quarantine`` is what ``read_quarantine`` gives."""
    kept = [document for document in documents if document.id not in quarantine]
    skipped = [(document.id, quarantine[document.id]) for document in documents if document.id in quarantine]
    return kept, skipped


def summary(skipped: Sequence[Skipped]) -> str:
    """'3 items skipped: 2 duplicate, 1 empty file'."""
    counts = Counter(reason for _, reason in skipped).most_common()
    return f"{len(skipped)} items skipped: " + ", ".join(f"{count} {reason}" for reason, count in counts)
