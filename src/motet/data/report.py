"""Report: what a check of a data set found, for the eye and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table
from rich.text import Text

from motet.data.problem import Problem

_EDGES = (64, 128, 256, 512, 1024)
_SHOWN = 8


@dataclass(frozen=True)
class Spread:
    """Least, mean and most of a length."""

    least: int
    mean: float
    most: int

    @staticmethod
    def of(lengths: Counter[int]) -> Spread:
        """The spread of lengths, given how often each occurs; zeros for none."""
        if not lengths:
            return Spread(0, 0.0, 0)
        return Spread(min(lengths), fmean(lengths.keys(), weights=lengths.values()), max(lengths))

    def __str__(self) -> str:
        return f"{self.least} to {self.most}, {self.mean:.1f} on average"


@dataclass
class Report:
    """Counts are of usable items; what cannot be used is in ``problems``. Sizes are (width, height) as stored."""

    source: str
    credit: str = ""
    entries: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    groups: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    words: Counter[int] = field(default_factory=Counter)
    characters: Counter[int] = field(default_factory=Counter)
    captions: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    quarantine: Path | None = None
    """Where the problems were written; None: nowhere yet."""
    read_by_training: Path | None = None
    """Where training looks for them."""

    @property
    def documents(self) -> int:
        """How many can be used."""
        return self.splits.total()

    @property
    def converted(self) -> int:
        """How many pictures were not stored as RGB, and are converted on loading."""
        return self.modes.total() - self.modes["RGB"]

    @property
    def reasons(self) -> Counter[str]:
        """How many items each reason excludes."""
        return Counter(str(problem.reason) for problem in self.problems)

    @property
    def repeated(self) -> list[tuple[str, int]]:
        """The most frequent captions that occur more than once, with their counts."""
        return [(text, count) for text, count in self.captions.most_common(_SHOWN) if count > 1]

    def to_json(self) -> str:
        """All of it as a JSON object."""
        words, characters = Spread.of(self.words), Spread.of(self.characters)
        content = {
            "source": self.source,
            "credit": self.credit,
            "entries": self.entries,
            "documents": self.documents,
            "splits": dict(self.splits),
            "groups": self.groups,
            "parts": dict(self.parts),
            "sizes": {f"{width}x{height}": count for (width, height), count in self.sizes.most_common()},
            "modes": dict(self.modes.most_common()),
            "converted": self.converted,
            "words": vars(words),
            "characters": vars(characters),
            "distinct_captions": len(self.captions),
            "repeated_captions": dict(self.repeated),
            "reasons": dict(self.reasons.most_common()),
            "problems": [{"id": p.id, "reason": str(p.reason), "detail": p.detail} for p in self.problems],
            "warnings": self.warnings,
            "notes": self.notes,
            "quarantine": str(self.quarantine) if self.quarantine else None,
        }
        return json.dumps(content, indent=2)

    def render(self, console: Console) -> None:
        """Print it: counts, then what is wrong, then what to do."""
        table = Table(
            title=Text(_plain(f"data check: {self.source}"), style="italic"),
            title_justify="left",
            show_header=False,
            box=None,
            padding=(0, 2),
        )
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in self._rows():
            table.add_row(name, Text(_plain(value)))
        console.print(table)
        for remark in (*self.notes, *self.warnings):
            console.print(Text.assemble(("note  ", "yellow"), _plain(remark)))
        if self.problems:
            console.print(self._problem_table())
        console.print(Text(self._verdict(), style="yellow" if self.problems else "green"))
        if self.credit:
            console.print(Text(self.credit, style="dim"))

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            (
                "documents",
                f"{self.documents:,} of {self.entries:,} usable ({_counts(self.splits)}) in {self.groups:,} groups",
            ),
            ("parts", _counts(self.parts)),
        ]
        if self.sizes:
            rows += [
                ("sizes", self._size_bins()),
                ("modes", f"{_counts(self.modes)}; {self.converted:,} converted to RGB"),
            ]
        if self.words:
            rows += [("words a text", str(Spread.of(self.words))), ("characters", str(Spread.of(self.characters)))]
            rows.append(("distinct texts", f"{len(self.captions):,} of {self.captions.total():,}"))
        if self.repeated:
            rows.append(
                ("most repeated", "; ".join(f"{count} x {_short(text, 40)!r}" for text, count in self.repeated))
            )
        return rows

    def _size_bins(self) -> str:
        if len(self.sizes) <= _SHOWN:
            return ", ".join(f"{count:,} of {width}x{height}" for (width, height), count in self.sizes.most_common())
        bins: Counter[int] = Counter()
        for size, count in self.sizes.items():
            bins[sum(min(size) >= edge for edge in _EDGES)] += count
        names = [f"under {_EDGES[0]}"]
        names += [f"{low} to {high - 1}" for low, high in pairwise(_EDGES)]
        names.append(f"{_EDGES[-1]} or more")
        listed = ", ".join(f"{names[i]}: {bins[i]:,}" for i in sorted(bins))
        return f"{len(self.sizes):,} different; shorter side {listed}"

    def _problem_table(self) -> Table:
        table = Table(title="cannot be used", title_justify="left")
        for column in ("reason", "items", "for example"):
            table.add_column(column, overflow="fold")
        first = {str(problem.reason): problem for problem in reversed(self.problems)}
        for reason, count in self.reasons.most_common():
            table.add_row(
                reason, f"{count:,}", Text(f"{_plain(first[reason].id)}: {_short(first[reason].detail, 120)}")
            )
        return table

    def _verdict(self) -> str:
        if not self.problems:
            return "Every item can be used."
        count = f"{len(self.problems):,} of {self.entries:,} items cannot be used."
        if self.quarantine is None:
            return count
        if self.quarantine == self.read_by_training:
            return f"{count} They are listed in {self.quarantine}. Training skips exactly these."
        if self.read_by_training is None:
            return f"{count} They are listed in {self.quarantine}, for you: training on this data reads no such file."
        return (
            f"{count} They are listed in {self.quarantine}. To have them skipped, move it to {self.read_by_training}."
        )


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counter.most_common()) or "none"


def _short(text: str, width: int) -> str:
    flat = " ".join(_plain(text).split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def _plain(text: str) -> str:
    """What a terminal can print: a file name that is no UTF-8 holds characters that it cannot."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
