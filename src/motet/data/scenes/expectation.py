"""Expectation: what a caption demands of a picture, judged in the manner of GenEval (Ghosh, Hajishirzi and Schmidt
2023, arXiv:2310.11513): what is named must be there, whatever else is; only a count must be exact.

GenEval looks at what its detector is surest of, and lets a diagonal be two relations. Here any things that fit will do,
and two things stand in one relation, that of the axis on which they are further apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from motet.data.scenes.scene import Thing, relation

ONE, TWO, COUNTING = "one_object", "two_objects", "counting"
HUES, POSITION, ATTRIBUTION = "colours", "position", "colour_attribution"
CATEGORIES = (ONE, TWO, COUNTING, HUES, POSITION, ATTRIBUTION)
"""GenEval's six, in its order."""


@dataclass(frozen=True)
class Named:
    """Some things as a caption names them; None where it leaves open."""

    count: int
    shape: str
    colour: str | None = None
    size: str | None = None

    def fits(self, thing: Thing) -> bool:
        """Whether a thing is one of these."""
        kind = thing.kind
        return kind.shape == self.shape and self.colour in (None, kind.colour) and self.size in (None, kind.size)


@dataclass(frozen=True)
class Expectation:
    """Things that must be there; with a ``relation``, the first named stands in it to the second."""

    named: tuple[Named, ...]
    relation: str | None = None

    @property
    def category(self) -> str | None:
        """Which of ``CATEGORIES`` asks this; None for what GenEval does not ask, such as three kinds of things."""
        coloured = all(named.colour is not None for named in self.named)
        counts = [named.count for named in self.named]
        if self.relation is not None:
            return POSITION
        if len(counts) == 1:
            return COUNTING if counts[0] > 1 else HUES if coloured else ONE
        if counts == [1, 1]:
            return ATTRIBUTION if coloured else TWO
        return None

    def met_by(self, things: Sequence[Thing]) -> bool:
        """Enough of everything named, exactly as many where they are counted, related as told."""
        counts = [sum(named.fits(thing) for thing in things) for named in self.named]
        if self.category == COUNTING:
            return counts[0] == self.named[0].count
        enough = all(count >= named.count for count, named in zip(counts, self.named, strict=True))
        return enough and (self.relation is None or self._related(things))

    def exactly(self, things: Sequence[Thing]) -> bool:
        """The stricter verdict: all of that, as many as named, and nothing else. A true caption's scene passes it."""
        counts = [sum(named.fits(thing) for thing in things) for named in self.named]
        right = counts == [named.count for named in self.named] and sum(counts) == len(things)
        return right and (self.relation is None or self._related(things))

    def _related(self, things: Sequence[Thing]) -> bool:
        first, second = self.named[:2]
        return any(
            a is not b and first.fits(a) and second.fits(b) and relation(a, b) == self.relation
            for a in things
            for b in things
        )
