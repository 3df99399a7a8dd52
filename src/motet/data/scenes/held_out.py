"""Which compositions are held out. Each part of them is trained on in other company: a model that composes succeeds.

Fixed by hashes of names, whatever the seed of the scenes:

- a shape in a colour (of a sprite, which has its own colour: in a size), in whatever picture;
- a number of one shape;
- two shapes in a relation, where a picture shows just the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations, product

from motet.data.scenes.scene import Kind, Scene, relation
from motet.data.scenes.vocabulary import NUMBERS, OPPOSITE, RELATIONS, SIZES, VOCABULARIES
from motet.data.split import place

N_LOOKS = 4
PLACES_SHARE = 1 / 18
_SEED = "motet scenes 0"


@cache
def looks_held_out(vocabulary: str) -> frozenset[tuple[str, str]]:
    """(shape, colour), or (sprite, size), by the vocabulary's name: none has its shape or its colour in common."""
    words = VOCABULARIES[vocabulary]
    chosen: list[tuple[str, str]] = []
    for shape, quality in sorted(product(words.names, words.colours or SIZES), key=_rank):
        fresh = all(shape != other and (quality != taken or not words.colours) for other, taken in chosen)
        if fresh and len(chosen) < N_LOOKS:
            chosen.append((shape, quality))
    return frozenset(chosen)


@cache
def counts_held_out(vocabulary: str) -> frozenset[tuple[int, str]]:
    """(number, shape): one shape for each number, by the vocabulary's name."""
    chosen: dict[str, int] = {}
    for number in NUMBERS.values():
        free = [(number, shape) for shape in VOCABULARIES[vocabulary].names if shape not in chosen]
        chosen[min(free, key=_rank)[1]] = number
    return frozenset((number, shape) for shape, number in chosen.items())


@cache
def places_held_out(vocabulary: str) -> frozenset[tuple[str, str, str]]:
    """(shape, relation, shape) in both wordings, by the vocabulary's name; at most one relation of any two shapes."""
    pairs = list(combinations(sorted(VOCABULARIES[vocabulary].names), 2))
    ranked = sorted(((a, min(RELATIONS, key=lambda told: _rank((a, told, b))), b) for a, b in pairs), key=_rank)
    chosen = ranked[: round(len(pairs) * len(RELATIONS) * PLACES_SHARE)]
    return frozenset(way for a, told, b in chosen for way in ((a, told, b), (b, OPPOSITE[told], a)))


def look(kind: Kind) -> tuple[str, str]:
    """What is held out of a kind: its shape with its colour, or with its size where it has no colour."""
    return kind.shape, kind.colour or kind.size


def is_held_out(scene: Scene, vocabulary: str) -> bool:
    """Whether a scene shows any composition that is held out of the vocabulary of that name."""
    things = scene.things
    shapes = [thing.kind.shape for thing in things]
    if any(look(thing.kind) in looks_held_out(vocabulary) for thing in things):
        return True
    if any((shapes.count(shape), shape) in counts_held_out(vocabulary) for shape in set(shapes)):
        return True
    if len(things) != 2:
        return False
    a, b = things
    return (shapes[0], relation(a, b), shapes[1]) in places_held_out(vocabulary)


def _rank(composition: Sequence[object]) -> float:
    return place(f"{_SEED}: {' '.join(map(str, composition))}")
