"""A sentence for each difference between two arms that exceeds its interval, and none for those that do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from motet.evaluate.compare.measures import in_order, measure
from motet.evaluate.compare.summary import Summary, difference
from motet.evaluate.over_seeds import OverSeeds


@dataclass(frozen=True)
class Finding:
    """``better`` and ``worse`` are arms; ``gap`` is how much better, above zero, with its 95 % interval."""

    name: str
    better: str
    worse: str
    gap: OverSeeds
    values: tuple[float, float]

    @property
    def sentence(self) -> str:
        return f"{measure(self.name).words}: {self.said}"

    @property
    def said(self) -> str:
        """The sentence, where it is clear which number it is about."""
        what = measure(self.name)
        unit = f" {what.unit}" if what.unit else ""
        side = "lower" if what.better == "lower" else "higher"
        better, worse = (what.shown(value) for value in self.values)
        assert self.gap.low is not None and self.gap.high is not None
        gap = f"{what.shown(self.gap.mean)} [{what.shown(self.gap.low)}, {what.shown(self.gap.high)}]"
        return f"{self.better} is {side} (better) than {self.worse} by {gap}{unit} ({better} against {worse})."


@dataclass(frozen=True)
class Looked:
    """All findings, and among how many differences they were found.

    alike: differences that have no interval, since all seeds of both arms gave the same number; none has a sentence.
    """

    findings: tuple[Finding, ...]
    differences: int
    alike: int = 0


def findings(summary: Summary) -> Looked:
    """Every pair of arms by every number that may be compared, where both have two seeds or more."""
    found: list[Finding] = []
    looked = alike = 0
    names: set[str] = {name for numbers in summary.values() for name in numbers}
    for name in in_order(names):
        if not measure(name).compared:
            continue
        for a, b in combinations([arm for arm in summary if name in summary[arm]], 2):
            gap = difference(summary[a][name], summary[b][name], counts=measure(name).counted)
            if gap is None:
                alike += _differ_without_spread(summary[a][name], summary[b][name])
                continue
            looked += 1
            if (one := _exceeding(name, (a, b), gap, summary)) is not None:
                found.append(one)
    return Looked(tuple(found), looked, alike)


def _differ_without_spread(a: OverSeeds, b: OverSeeds) -> bool:
    return a.low is not None and b.low is not None and a.mean != b.mean


def _exceeding(name: str, arms: Sequence[str], gap: OverSeeds, summary: Summary) -> Finding | None:
    assert gap.low is not None and gap.high is not None
    if gap.low <= 0 <= gap.high:
        return None
    first_is_better = (gap.mean < 0) == (measure(name).better == "lower")
    better, worse = arms if first_is_better else reversed(arms)
    low, high = sorted((abs(gap.low), abs(gap.high)))
    size = OverSeeds(abs(gap.mean), low, high, gap.n)
    return Finding(name, better, worse, size, (summary[better][name].mean, summary[worse][name].mean))
