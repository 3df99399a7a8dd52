"""A check of a data set: read everything once, count it, and quarantine what cannot be used, with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from motet.data.document import Document, Part
from motet.data.picture import Picture, read_picture, upright_rgb
from motet.data.problem import ItemError, Reason
from motet.data.quarantine import keep, write_quarantine
from motet.data.report import Report
from motet.data.source import Source
from motet.data.split import HELD_OUT

_EXAMPLES = 3


def check(source: Source, *, progress: bool = True) -> Report:
    """Read every document, decode every picture, and report. Earlier quarantine files are ignored; none is written.

    Args:
        source: what ``open_source`` gave.
        progress: show a bar on standard error.

    Raises:
        DataError: the source cannot be read at all.
    """
    found = source.found
    tally = _Tally(Report(source.name, source.credit, entries=len(found.documents) + len(found.problems)))
    tally.report.problems += found.problems
    tally.report.notes += found.notes
    for document in _watched(found.documents, show=progress):
        try:
            tally.add(document)
        except ItemError as error:
            tally.report.problems.append(error.problem(document.id))
    report = tally.finish()
    report.read_by_training = source.quarantine
    return report


def write_down(report: Report, out: Path | None = None) -> None:
    """Write what cannot be used into the quarantine file, replacing an earlier one, and note in the report where it is.

    Args:
        report: what ``check`` gave.
        out: the file; None for the place that training reads, if the source has one.

    Raises:
        DataError: the file cannot be written.
    """
    if out is not None:
        write_quarantine(out, report.problems, source=report.source)
        report.quarantine = out
    elif report.read_by_training is not None:
        report.quarantine = keep(report.read_by_training, report.problems, source=report.source)
        report.read_by_training = report.quarantine


@dataclass
class _Tally:
    """A report in the making, with fingerprints of what was seen: the first document by content, and all by picture."""

    report: Report
    groups: set[str] = field(default_factory=set)
    by_content: dict[tuple[bytes, ...], str] = field(default_factory=dict)
    by_picture: dict[bytes, list[Document]] = field(default_factory=dict)

    def add(self, document: Document) -> None:
        """Count a document.

        Raises:
            ItemError: a part of it cannot be used, or all of it was seen before. Nothing of it is counted then.
        """
        pictures = [_picture(part) for part in document.parts if part.modality == "image"]
        texts = [str(part.load()) for part in document.parts if part.modality != "image"]
        prints = [_fingerprint(picture.image) for picture in pictures]
        content = _content(document, prints)
        if content in self.by_content:
            same = "pixels and text" if pictures else "text"
            raise ItemError(Reason.DUPLICATE, f"the same {same} as {self.by_content[content]}")
        self.by_content[content] = document.id
        for fingerprint in set(prints):
            self.by_picture.setdefault(fingerprint, []).append(document)
        self._count(document, pictures, texts)

    def _count(self, document: Document, pictures: list[Picture], texts: list[str]) -> None:
        report = self.report
        self.groups.add(document.group or document.id)
        report.splits[document.split] += 1
        report.parts.update(part.modality for part in document.parts)
        report.sizes.update(picture.size for picture in pictures)
        report.modes.update(picture.mode for picture in pictures)
        report.words.update(len(text.split()) for text in texts)
        report.characters.update(len(text) for text in texts)
        report.captions.update(texts)

    def finish(self) -> Report:
        """The report, with warnings about pictures that several documents share."""
        self.report.groups = len(self.groups)
        shared = [documents for documents in self.by_picture.values() if len(documents) > 1]
        if shared:
            self.report.warnings.append(
                f"pictures in several documents, with other texts: {len(shared):,}, such as {_examples(shared)}"
            )
        leaks = [documents for documents in shared if 0 < _held_out(documents) < len(documents)]
        if leaks:
            self.report.warnings.append(
                f"held-out pictures also trained on, with another text: {len(leaks):,}, such as {_examples(leaks)}"
            )
        return self.report


def _picture(part: Part) -> Picture:
    if isinstance(part.value, Image.Image):
        return Picture(upright_rgb(part.value), part.value.mode, part.value.size)
    return read_picture(part.value)


def _fingerprint(image: Image.Image) -> bytes:
    """Equal for equal pixels, however they were stored."""
    return blake2b(image.tobytes(), digest_size=16, salt=b"%dx%d" % image.size).digest()


def _content(document: Document, prints: list[bytes]) -> tuple[bytes, ...]:
    """Equal for documents that say and show the same in the same order and learn the same of it."""
    pictures: Iterator[bytes] = iter(prints)
    return tuple(
        (b"+" if part.learn else b"-") + (next(pictures) if part.modality == "image" else str(part.value).encode())
        for part in document.parts
    )


def _held_out(documents: list[Document]) -> int:
    return sum(document.split == HELD_OUT for document in documents)


def _examples(shared: list[list[Document]]) -> str:
    return "; ".join(" = ".join(document.id for document in documents[:_EXAMPLES]) for documents in shared[:_EXAMPLES])


def _watched(documents: Iterable[Document], *, show: bool) -> Iterator[Document]:
    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    items = tuple(documents)
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not show) as bar:
        yield from bar.track(items, total=len(items))
