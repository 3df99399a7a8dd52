"""Source: a named collection of documents, and how a spec such as ``folder:pictures`` becomes one."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from motet.data.document import Document
from motet.data.problem import Problem
from motet.data.quarantine import Skipped, kept_at, read_quarantine, summary, without_quarantined
from motet.data.split import HELD_OUT, TRAIN
from motet.errors import DataError

FORMS = {
    "emoji": "emoji",
    "folder": "folder:PATH (pictures with metadata.jsonl, metadata.csv, a .txt beside each, or class folders)",
    "jsonl": "jsonl:PATH (one document a line)",
    "scenes": "scenes or scenes:OPTIONS (made pictures; level=, size=, n=, seed=, kind=, sprites=, lattice=)",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """All that a source holds: documents in a stable order, entries that are no documents, and remarks for the user."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


class Source(ABC):
    """Documents, without the quarantined ones. Pictures stay on disk until ``Part.load()``.

    A subclass says what it is called, whom to credit, where its quarantine file lies, and ``read()``s.
    """

    name: str
    """The spec that opens it."""
    credit: str = ""
    """A licence line to show wherever its pictures are shown; empty if none is known."""
    quarantine: Path | None = None
    """Where a check writes and training reads the items to skip, beside the data; where nothing can be written there,
    both turn to the cache (``quarantine.keep``). None: nothing to skip."""

    @abstractmethod
    def read(self) -> Found:
        """Everything there is, good or bad, without decoding a picture."""

    @cached_property
    def found(self) -> Found:
        """What ``read()`` gave, read once."""
        return self.read()

    @cached_property
    def _sorted_out(self) -> tuple[list[Document], list[Skipped]]:
        file = kept_at(self.quarantine) if self.quarantine else None
        reasons = read_quarantine(file) if file else {}
        kept, skipped = without_quarantined(self.found.documents, reasons)
        skipped += [(problem.id, problem.reason) for problem in self.found.problems]
        if skipped:
            _log.warning("%s: %s", self.name, summary(skipped))
        stale = reasons.keys() - {id for id, _ in skipped}
        if stale:
            _log.warning(
                "%s: quarantined but no longer in the data: %d, such as %s; run `motet data check` again",
                self.name,
                len(stale),
                min(stale),
            )
        return kept, skipped

    @property
    def skipped(self) -> list[Skipped]:
        """(id, reason) of each item left out: the quarantined, and entries that could not be read at all."""
        return self._sorted_out[1]

    def __len__(self) -> int:
        return len(self._sorted_out[0])

    def __getitem__(self, index: int) -> Document:
        return self._sorted_out[0][index]

    def documents(self, split: str | None = None) -> list[Document]:
        """The documents of ``train`` or ``held_out``, or all of them, in a stable order.

        Raises:
            DataError: no such split.
        """
        if split not in (None, TRAIN, HELD_OUT):
            raise DataError(f"there is no split {split!r}; expected {TRAIN!r} or {HELD_OUT!r}")
        return [document for document in self._sorted_out[0] if split in (None, document.split)]


def open_source(spec: str) -> Source:
    """The source that a spec names: ``emoji``, ``folder:PATH``, ``jsonl:PATH`` or ``scenes:OPTIONS``.

    Raises:
        DataError: an unknown spec (the message names the nearest form), or a path that is not there.
        MissingExtra: ``emoji``, or ``scenes`` with emoji sprites, without the packages of the extra ``demo``.
    """
    # Each source module builds on this one, so they are imported when a spec asks for them.
    kind, _, path = spec.partition(":")
    if spec == "emoji":
        from motet.data.emoji import EmojiSource

        return EmojiSource()
    if kind == "folder" and path:
        from motet.data.folder import FolderSource

        return FolderSource(Path(path).expanduser())
    if kind == "jsonl" and path:
        from motet.data.jsonl import JsonlSource

        return JsonlSource(Path(path).expanduser())
    if kind == "scenes":
        from motet.data.scenes.source import ScenesSource

        return ScenesSource(path)
    raise DataError(_unknown(spec, kind))


def _unknown(spec: str, kind: str) -> str:
    return f"unknown data {spec!r}{_nearest(spec, kind)} Accepted: " + "; ".join(FORMS.values())


def _nearest(spec: str, kind: str) -> str:
    path = Path(spec).expanduser()
    if path.is_dir():
        return f"; did you mean folder:{spec}?"
    if path.is_file():
        return f"; did you mean jsonl:{spec}?"
    near: Sequence[str] = get_close_matches(kind.lower(), FORMS, n=1)
    return f"; did you mean {FORMS[near[0]].split(' ')[0]}?" if near else "."
