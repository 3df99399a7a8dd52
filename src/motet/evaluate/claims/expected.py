"""What a claim expects of its arms, and the verdict that follows: one rule for all claims that compare arms.

A claim lists what it expects of its measures: one arm above another, one about as good as another, one above a number.
All of it seen: the claim holds. Any of it refuted: it does not hold here. Else nothing is decided.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from motet.evaluate.claims.claim import Summary, Verdict
from motet.evaluate.compare.summary import difference
from motet.evaluate.over_seeds import OverSeeds

Seen = Literal["seen", "refuted", "open"]
Side = Literal["lower", "higher"]

RULE = (
    "Each expectation is judged by the 95 % interval of the difference of two means over seeds (Welch). Unless it says "
    "otherwise, it is REFUTED if all of it lies below the least gain that would matter (named with it, as a share of "
    "the worse arm's mean), and else SEEN if all of it lies on the expected side of zero. HOLDS if all are seen, DOES "
    "NOT HOLD HERE if one is refuted, else UNDECIDED."
)


class Expectation(ABC):
    """What is expected, in words by ``str()``."""

    @abstractmethod
    def look(self, summary: Summary) -> tuple[Seen, str]:
        """Whether it is seen, and the numbers in a sentence."""


@dataclass(frozen=True)
class _Gain:
    """How much better one arm is than another, with its interval; of: the size of the other's mean."""

    mean: float
    low: float
    high: float
    of: float

    def told(self, arm: str, side: Side) -> str:
        """The difference in words; a loss is a difference to the other side."""
        if self.mean < 0:
            loss = _Gain(-self.mean, -self.high, -self.low, self.of)
            return loss.told(arm, "higher" if side == "lower" else "lower")
        return f"{arm} is {side} by {self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


def _gain(summary: Summary, measure: str, arm: str, other: str, side: Side) -> tuple[_Gain | None, str]:
    """The gain of ``arm`` over ``other``, None if it cannot be told; and the numbers, or why, in words."""
    ours, theirs = _found(summary, arm, measure), _found(summary, other, measure)
    if ours is None or theirs is None:
        return None, f"{measure}: not measured of {arm} and {other}"
    told = f"{measure}: {arm} {ours}, {other} {theirs}"
    found = difference(theirs, ours) if side == "lower" else difference(ours, theirs)
    if found is None or found.low is None or found.high is None:
        alone = ours.high is None or theirs.high is None
        return None, f"{told}; {'one seed decides' if alone else 'seeds without any spread decide'} nothing"
    return _Gain(found.mean, found.low, found.high, abs(theirs.mean)), told


def _interval(summary: Summary, measure: str, arm: str) -> tuple[tuple[float, float] | None, str]:
    """The interval of an arm's own mean, None if it cannot be told; and the numbers, or why, in words."""
    found = _found(summary, arm, measure)
    if found is None:
        return None, f"{measure}: not measured of {arm}"
    told = f"{measure}: {arm} {found}"
    if found.low is None or found.high is None:
        return None, f"{told}; one seed decides nothing"
    return (found.low, found.high), told


@dataclass(frozen=True)
class Expected(Expectation):
    """``better`` has a lower (or higher) ``measure`` than ``worse``; a gain below the share ``least`` is none."""

    measure: str
    better: str
    side: Side
    worse: str
    least: float = 0.02

    def __str__(self) -> str:
        least = f"least gain {100 * self.least:g} %"
        return f"{self.measure} of {self.better} is {self.side} than that of {self.worse} ({least})"

    def look(self, summary: Summary) -> tuple[Seen, str]:
        gain, told = _gain(summary, self.measure, self.better, self.worse, self.side)
        if gain is None:
            return "open", told
        told = f"{told}; {gain.told(self.better, self.side)}"
        if gain.high < self.least * gain.of:
            return "refuted", f"{told}, which leaves no gain of {100 * self.least:g} %"
        if gain.low > 0:
            return "seen", told
        return "open", f"{told}, an interval that leaves it open"


@dataclass(frozen=True)
class AsGood(Expectation):
    """``arm`` is no worse than ``other`` in ``measure``, where ``side`` is better, by more than the share ``most``."""

    measure: str
    arm: str
    side: Side
    other: str
    most: float = 0.1

    def __str__(self) -> str:
        return (
            f"{self.measure} of {self.arm} is about as good as that of {self.other} ({self.side} is better; seen if "
            f"all of the interval lies less than {100 * self.most:g} % on the worse side, refuted if none of it does)"
        )

    def look(self, summary: Summary) -> tuple[Seen, str]:
        gain, told = _gain(summary, self.measure, self.arm, self.other, self.side)
        if gain is None:
            return "open", told
        told = f"{told}; {gain.told(self.arm, self.side)}"
        bound = -self.most * gain.of
        if gain.low > bound:
            return "seen", f"{told}, worse by less than {100 * self.most:g} %"
        if gain.high < bound:
            return "refuted", f"{told}, worse by more than {100 * self.most:g} %"
        return "open", f"{told}, an interval that leaves it open"


@dataclass(frozen=True)
class Above(Expectation):
    """``arm`` has a ``measure`` above ``bound``; less than ``least`` above it is nothing."""

    measure: str
    arm: str
    bound: float
    least: float

    def __str__(self) -> str:
        return (
            f"{self.measure} of {self.arm} is above {self.bound:g} (refuted if none of its interval reaches "
            f"{self.bound + self.least:g}, else seen if all of it is)"
        )

    def look(self, summary: Summary) -> tuple[Seen, str]:
        interval, told = _interval(summary, self.measure, self.arm)
        if interval is None:
            return "open", told
        low, high = interval
        if high < self.bound + self.least:
            return "refuted", f"{told}, which does not reach {self.bound + self.least:g}"
        if low > self.bound:
            return "seen", f"{told}, above {self.bound:g}"
        return "open", f"{told}, an interval that leaves it open"


@dataclass(frozen=True)
class Below(Expectation):
    """``arm`` has a ``measure`` below ``bound``."""

    measure: str
    arm: str
    bound: float

    def __str__(self) -> str:
        return f"{self.measure} of {self.arm} is below {self.bound:g} (seen if all of its interval is, refuted if none)"

    def look(self, summary: Summary) -> tuple[Seen, str]:
        interval, told = _interval(summary, self.measure, self.arm)
        if interval is None:
            return "open", told
        low, high = interval
        if high < self.bound:
            return "seen", f"{told}, below {self.bound:g}"
        if low > self.bound:
            return "refuted", f"{told}, above {self.bound:g}"
        return "open", f"{told}, an interval that leaves it open"


def rule_of(expected: Sequence[Expectation]) -> str:
    """The rule of a verdict in words."""
    return "Expected: " + "; ".join(str(one) for one in expected) + ". " + RULE


def verdict_of(expected: Sequence[Expectation], summary: Summary) -> Verdict:
    """The verdict by ``RULE``, with a sentence of numbers for each expectation."""
    looks = [one.look(summary) for one in expected]
    reasons = tuple(f"{seen}: {sentence}" for seen, sentence in looks)
    if any(seen == "refuted" for seen, _ in looks):
        return Verdict("does not hold here", reasons)
    return Verdict("holds" if all(seen == "seen" for seen, _ in looks) else "undecided", reasons)


def _found(summary: Summary, arm: str, measure: str) -> OverSeeds | None:
    """None if some run of the arm could not measure it."""
    return summary.get(arm, {}).get(measure)
