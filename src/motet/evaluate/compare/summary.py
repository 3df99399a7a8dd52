"""Means over seeds with their 95 % intervals, arm by arm; and the interval of a difference."""

import math
from collections.abc import Mapping, Sequence

from motet.evaluate.compare.run_one import RunRecord
from motet.evaluate.over_seeds import OverSeeds, over_seeds, student_t

Summary = Mapping[str, Mapping[str, OverSeeds]]
"""By arm, then by the name of the number. What no run of an arm could measure is not there."""


def summary(records: Sequence[RunRecord], arms: Sequence[str]) -> Summary:
    """Every number of every arm over the seeds that have it."""
    found: dict[str, dict[str, OverSeeds]] = {}
    for arm in arms:
        runs = [record.numbers for record in records if record.arm == arm]
        names = {name: None for numbers in runs for name in numbers}
        found[arm] = {name: over_seeds([numbers[name] for numbers in runs if name in numbers]) for name in names}
    return found


def difference(a: OverSeeds, b: OverSeeds, *, counts: bool = False) -> OverSeeds | None:
    """``a`` - ``b`` with its 95 % interval by Welch (1947), whose degrees of freedom are rounded down.

    None unless both have two seeds or more: one run says nothing of its spread. Neither do runs that agree by chance,
    such as three that met 5 of 24 prompts, so without any spread it is None as well, unless the numbers are ``counts``,
    which have none: then the interval has no width.
    """
    if a.high is None or b.high is None:
        return None
    squares = [_error(x) ** 2 for x in (a, b)]
    total, mean = sum(squares), a.mean - b.mean
    if total == 0:
        return OverSeeds(mean, mean, mean, min(a.n, b.n)) if counts else None
    freedom = total**2 / sum(s**2 / (x.n - 1) for s, x in zip(squares, (a, b), strict=True))
    half = student_t(max(1.0, freedom)) * math.sqrt(total)
    return OverSeeds(mean, mean - half, mean + half, min(a.n, b.n))


def _error(x: OverSeeds) -> float:
    """The standard error of a mean, from its interval."""
    assert x.high is not None
    return (x.high - x.mean) / student_t(x.n - 1)
