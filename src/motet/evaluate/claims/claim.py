"""What a claim is: a paper's sentence, and everything that decides it, fixed before it is run.

Arms are the settings that are compared (sigma 0, sigma 0.3 ...); every arm is run under every seed. A run gives numbers
and curves; the means over seeds with their intervals go to the claim's rule, and the rule gives the verdict.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from rich.console import Console

from motet.evaluate.over_seeds import OverSeeds

Scale = Literal["full", "quick"]
"""full: what is written down. quick: seconds; whether everything runs, never whether the claim holds."""

Word = Literal["holds", "does not hold here", "undecided"]

Summary = Mapping[str, Mapping[str, OverSeeds]]
"""By arm, then by measure."""


@dataclass(frozen=True)
class Job:
    """One run: an arm under a seed. It may keep what it likes in ``folder``."""

    arm: str
    seed: int
    scale: Scale
    folder: Path
    console: Console

    @property
    def words(self) -> str:
        return f"{self.arm}, seed {self.seed}"


@dataclass(frozen=True)
class Measured:
    """What a run gives: numbers by measure, and curves by name."""

    numbers: dict[str, float]
    curves: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """A finished run as it is stored."""

    arm: str
    seed: int
    numbers: dict[str, float]
    curves: dict[str, list[float]]
    setting: dict[str, Any]
    seconds: float
    commit: str
    machine: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The word, and the sentences with numbers that led to it."""

    word: Word
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Plot:
    """A figure of the result: SVG text or PNG bytes. ``suffix`` ends its file name: "" or "-samples"."""

    suffix: str
    title: str
    content: str | bytes
    note: str = ""


class Claim(ABC):
    """A concrete claim sets the texts below and says how one run is made, judged and drawn."""

    name: ClassVar[str]
    statement: ClassVar[str]
    """The paper's claim in our words."""
    source: ClassVar[str]
    published: ClassVar[tuple[str, ...]]
    """The paper's own figures, each with where it is from."""
    rule: ClassVar[str]
    """The rule of the verdict in words, as ``verdict`` computes it."""
    measures: ClassVar[Mapping[str, str]]
    """What each number is, by its name in ``Measured.numbers``."""
    credit: ClassVar[str] = ""
    tried: ClassVar[tuple[str, ...]] = ()
    """What was tried besides, was not, or is suspected of the outcome; told after its runs, it decides nothing."""

    @abstractmethod
    def arms(self, scale: Scale) -> Sequence[str]:
        """The arms in the order of tables and plots; names that a file name can hold."""

    @abstractmethod
    def seeds(self, scale: Scale) -> Sequence[int]: ...

    @abstractmethod
    def setting(self, scale: Scale) -> dict[str, Any]:
        """Everything that the runs share, as JSON can hold it. Stored runs of another setting are not mixed in."""

    @abstractmethod
    def run(self, job: Job) -> Measured | None:
        """One run; going on from what ``job.folder`` holds. None if it was interrupted, and saved."""

    def tidy(self, job: Job) -> None:
        """Deletes what only an interrupted run needs, once the run is written down."""
        return None

    @abstractmethod
    def verdict(self, summary: Summary) -> Verdict:
        """What the numbers say. All arms are there, each with all of its seeds."""

    def remarks(self, runs: Sequence[RunRecord]) -> tuple[str, ...]:
        """Sentences that stand behind the verdict's reasons and decide nothing, such as a correlation over all runs."""
        return ()

    @abstractmethod
    def plots(self, runs: Sequence[RunRecord], summary: Summary, folder: Path) -> list[Plot]:
        """The figures; ``folder`` holds the runs' folders, named ``<arm>-<seed>``."""


@dataclass(frozen=True)
class ClaimResult:
    """What ``run_claim`` came to. ``verdict`` is None, and nothing was written, if it was interrupted."""

    name: str
    scale: Scale
    verdict: Verdict | None
    summary: Summary
    runs: tuple[RunRecord, ...]
    failed: dict[str, str]
    """Why runs failed, by ``<arm>-<seed>``; the next call tries them again."""
    minutes: float
    files: tuple[Path, ...]
