"""Scenes from a generator, by level of difficulty.

1   one thing of any size
2   one thing; two to four of one kind; two things of one colour
3   two things of two colours, half of them told by their relation
4   three to five things of two or three kinds, or two related ones of any size, on textured ground
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from motet.data.scenes.expectation import Expectation
from motet.data.scenes.place import place
from motet.data.scenes.scene import Ground, Kind, Scene
from motet.data.scenes.vocabulary import RELATIONS, Vocabulary

LEVELS = (1, 2, 3, 4)
PLAIN = ((255, 255, 255), (236, 236, 236), (216, 216, 216))
TINTED = ((208, 224, 240), (242, 230, 208), (214, 234, 212), (230, 222, 240))
TEXTURES = ("stripes", "checks", "clouds")

_BARE = 0.2
_SIZES = ("medium", "medium", "small", "large")
_CROWDS = ((1, 2), (2, 1), (3, 1), (1, 1, 1), (1, 2, 1), (2, 1, 1), (3, 1, 1))
"""How many there are of each kind; three of a kind are small, so that there is room."""


@dataclass(frozen=True)
class Telling:
    """How a scene is told: by the relation of its first two things or as a list; with colours or without."""

    relation: str | None = None
    colours: bool = True


@dataclass(frozen=True)
class _Plan:
    """What is to be shown, before it has places."""

    kinds: tuple[Kind, ...]
    telling: Telling
    textured: bool = False


def compose(level: int, vocabulary: Vocabulary, rng: Random, lattice: int = 0) -> tuple[Scene, Telling]:
    """A scene of a level, and how it is told. About a fifth are told without colours: 'a circle', 'two stars'."""
    while True:
        plan = rng.choice(_PLANS[level])(vocabulary, rng)
        things = place(plan.kinds, rng, told=plan.telling.relation, lattice=lattice)
        if things is not None:
            return Scene(things, _ground(rng, textured=plan.textured), lattice), plan.telling


def showing(expectation: Expectation, vocabulary: Vocabulary, rng: Random) -> Scene:
    """A scene that shows exactly what is expected; what is left open (colour, size) is drawn or medium."""
    while True:
        kinds = [
            Kind(named.shape, colour, named.size or "medium")
            for named in expectation.named
            for colour in [named.colour or _colour(vocabulary, rng)]
            for _ in range(named.count)
        ]
        things = place(kinds, rng, told=expectation.relation)
        if things is not None:
            return Scene(things, _ground(rng, textured=False))


def _one(vocabulary: Vocabulary, rng: Random) -> _Plan:
    kind = Kind(rng.choice(vocabulary.names), _colour(vocabulary, rng), rng.choice(_SIZES))
    return _Plan((kind,), _told(rng))


def _several(vocabulary: Vocabulary, rng: Random) -> _Plan:
    kind = Kind(rng.choice(vocabulary.names), _colour(vocabulary, rng))
    return _Plan((kind,) * rng.randint(2, 4), _told(rng))


def _two_of_a_colour(vocabulary: Vocabulary, rng: Random) -> _Plan:
    colour = _colour(vocabulary, rng)
    a, b = rng.sample(vocabulary.names, 2)
    return _Plan((Kind(a, colour), Kind(b, colour)), _told(rng))


def _two(vocabulary: Vocabulary, rng: Random) -> _Plan:
    telling = _told(rng)
    return _Plan(_pair(vocabulary, rng, alike=telling.colours), telling)


def _two_related(vocabulary: Vocabulary, rng: Random) -> _Plan:
    telling = _told(rng, rng.choice(RELATIONS))
    return _Plan(_pair(vocabulary, rng, alike=telling.colours), telling)


def _two_related_of_any_size(vocabulary: Vocabulary, rng: Random) -> _Plan:
    kinds = tuple(Kind(kind.shape, kind.colour, rng.choice(_SIZES)) for kind in _pair(vocabulary, rng, alike=False))
    return _Plan(kinds, Telling(rng.choice(RELATIONS)), textured=True)


def _crowd(vocabulary: Vocabulary, rng: Random) -> _Plan:
    counts = rng.choice(_CROWDS)
    kinds: list[Kind] = []
    for shape, count in zip(rng.sample(vocabulary.names, len(counts)), counts, strict=True):
        size = "small" if count > 2 else rng.choice(("small", "medium"))
        kinds += [Kind(shape, _colour(vocabulary, rng), size)] * count
    return _Plan(tuple(kinds), Telling(), textured=True)


_PLANS: dict[int, tuple[Callable[[Vocabulary, Random], _Plan], ...]] = {
    1: (_one,),
    2: (_one, _several, _two_of_a_colour),
    3: (_two, _two_related),
    4: (_crowd, _crowd, _two_related_of_any_size),
}


def _pair(vocabulary: Vocabulary, rng: Random, *, alike: bool) -> tuple[Kind, Kind]:
    """Two kinds of different colours. If they may be ``alike``, one pair in five has one shape."""
    a, b = rng.sample(vocabulary.names, 2)
    if not vocabulary.colours:
        return Kind(a), Kind(b)
    if alike and rng.random() < 0.2:
        b = a
    first, second = rng.sample(vocabulary.colours, 2)
    return Kind(a, first), Kind(b, second)


def _told(rng: Random, relation: str | None = None) -> Telling:
    return Telling(relation, colours=rng.random() >= _BARE)


def _colour(vocabulary: Vocabulary, rng: Random) -> str:
    return rng.choice(vocabulary.colours) if vocabulary.colours else ""


def _ground(rng: Random, *, textured: bool) -> Ground:
    if not textured:
        return Ground(rng.choice(PLAIN))
    return Ground(rng.choice(PLAIN + TINTED), rng.choice(TEXTURES), rng.randrange(2**31))
