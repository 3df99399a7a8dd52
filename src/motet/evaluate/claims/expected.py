"""What a claim expects of its arms, and the verdict that follows: one rule for all claims that compare arms.

A claim lists what it expects, each a difference between two arms in one measure. All of them seen: the claim holds.
One of them refuted: it does not hold here. Else nothing is decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from motet.evaluate.claims.claim import Summary, Verdict
from motet.evaluate.compare.summary import difference

Seen = Literal["seen", "refuted", "open"]

RULE = (
    "Each expectation is judged by the 95 % interval of the difference of two means over seeds (Welch). It is SEEN if "
    "the interval lies on the expected side of zero; REFUTED if all of it lies below the least gain that would matter "
    "(named with the expectation, as a share of the worse arm's mean). HOLDS if all are seen, DOES NOT HOLD HERE if "
    "one is refuted, else UNDECIDED."
)


@dataclass(frozen=True)
class Expected:
    """``better`` has a lower (or higher) ``measure`` than ``worse``; a gain below the share ``least`` is none."""

    measure: str
    better: str
    side: Literal["lower", "higher"]
    worse: str
    least: float = 0.02

    def __str__(self) -> str:
        return f"{self.measure} of {self.better} is {self.side} than that of {self.worse} (least gain {self.least:.0%})"

    def look(self, summary: Summary) -> tuple[Seen, str]:
        """Whether it is seen, and the numbers in a sentence."""
        better, worse = summary[self.better][self.measure], summary[self.worse][self.measure]
        told = f"{self.measure}: {self.better} {better}, {self.worse} {worse}"
        gain = difference(worse, better) if self.side == "lower" else difference(better, worse)
        if gain is None or gain.low is None or gain.high is None:
            return "open", f"{told}; one seed decides nothing"
        told = f"{told}; {self.better} is {self.side} by {gain}"
        if gain.low > 0:
            return "seen", told
        if gain.high < self.least * abs(worse.mean):
            return "refuted", f"{told}, which leaves no gain of {self.least:.0%}"
        return "open", f"{told}, an interval that leaves it open"


def rule_of(expected: Sequence[Expected]) -> str:
    """The rule of a verdict in words."""
    return "Expected: " + "; ".join(str(one) for one in expected) + ". " + RULE


def verdict_of(expected: Sequence[Expected], summary: Summary) -> Verdict:
    """The verdict by ``RULE``, with a sentence of numbers for each expectation."""
    looks = [one.look(summary) for one in expected]
    reasons = tuple(f"{seen}: {sentence}" for seen, sentence in looks)
    if any(seen == "refuted" for seen, _ in looks):
        return Verdict("does not hold here", reasons)
    return Verdict("holds" if all(seen == "seen" for seen, _ in looks) else "undecided", reasons)
