"""Where things may stand: inside the picture, apart from each other, and clearly related where a relation is told."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from motet.data.scenes.scene import Kind, Thing, is_clear, relation

GAP = 0.06
"""Between any two things, along at least one axis."""
EDGE = 0.03
"""Between a thing and the picture's border."""
_TRIES, _STANDS = 400, 12


def fits(thing: Thing, others: Sequence[Thing]) -> bool:
    """Whether a thing keeps its distance from the border and from the others."""
    half = thing.extent / 2
    if not all(half + EDGE <= at <= 1 - half - EDGE for at in (thing.x, thing.y)):
        return False
    return all(max(abs(thing.x - other.x), abs(thing.y - other.y)) >= half + other.extent / 2 + GAP for other in others)


def stand(kind: Kind, others: Sequence[Thing], rng: Random, lattice: int = 0) -> Thing | None:
    """A thing of that kind anywhere in the picture, or on a lattice; None if the place that was drawn is taken."""
    margin = kind.extent / 2 + EDGE
    at = [rng.uniform(margin, 1 - margin) for _ in "xy"]
    if lattice:
        at = [round(along * lattice) / lattice for along in at]
    thing = Thing(kind, *at)
    return thing if fits(thing, others) else None


def place(kinds: Sequence[Kind], rng: Random, *, told: str | None = None, lattice: int = 0) -> tuple[Thing, ...] | None:
    """A thing of each kind. With a relation ``told``, the first two clearly stand in it. None: no room was found."""
    for _ in range(_TRIES):
        things: list[Thing] = []
        for kind in kinds:
            thing = next(filter(None, (stand(kind, things, rng, lattice) for _ in range(_STANDS))), None)
            if thing is None:
                break
            things.append(thing)
        else:
            if told is None or (relation(*things[:2]) == told and is_clear(*things[:2])):
                return tuple(things)
    return None
