"""Edits: two scenes that differ in one thing, or in all things of one kind, and the instruction that says in what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from motet.data.scenes.caption import with_article
from motet.data.scenes.place import fits, stand
from motet.data.scenes.scene import Kind, Scene, Thing
from motet.data.scenes.vocabulary import SIZES, Vocabulary


@dataclass(frozen=True)
class Edit:
    """``topic`` is one of ``TOPICS``. What the instruction does not name stays as it is, pixel by pixel."""

    topic: str
    before: Scene
    instruction: str
    after: Scene


def edit(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Edit:
    """A change of the scene that is possible and visible; its topic is drawn first."""
    for topic in rng.sample(tuple(TOPICS), len(TOPICS)):
        changed = TOPICS[topic](scene, vocabulary, rng)
        if changed is not None:
            instruction, things = changed
            return Edit(topic, scene, instruction, replace(scene, things=things))
    raise AssertionError("a kind can always become another")


Change = tuple[str, tuple[Thing, ...]] | None
"""An instruction and the things after it; None where the scene does not allow it."""


def _recolour(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Change:
    if not vocabulary.colours:
        return None
    kind = rng.choice(list(scene.kinds))
    colour = rng.choice([colour for colour in vocabulary.colours if colour != kind.colour])
    return f"make {_the(kind, scene, vocabulary)} {colour}", _turned(scene, kind, replace(kind, colour=colour))


def _resize(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Change:
    kind = rng.choice(list(scene.kinds))
    size = rng.choice([size for size in SIZES if size != kind.size])
    things = _turned(scene, kind, replace(kind, size=size))
    if not all(fits(thing, things[:i]) for i, thing in enumerate(things)):
        return None
    return f"make {_the(kind, scene, vocabulary)} {size}", things


def _exchange(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Change:
    kind = rng.choice(list(scene.kinds))
    taken = {thing.kind.shape for thing in scene.things}
    shape = rng.choice([name for name in vocabulary.names if name not in taken])
    new = with_article(shape) if scene.kinds[kind] == 1 else vocabulary.plurals[shape]
    things = _turned(scene, kind, replace(kind, shape=shape))
    return f"turn {_the(kind, scene, vocabulary)} into {new}", things


def _add(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Change:
    taken = {thing.kind.shape for thing in scene.things}
    shape = rng.choice([name for name in vocabulary.names if name not in taken])
    kind = Kind(shape, rng.choice(vocabulary.colours) if vocabulary.colours else "")
    for _ in range(50):
        thing = stand(kind, scene.things, rng, scene.lattice)
        if thing is not None:
            return f"add {with_article(f'{kind.colour} {kind.shape}'.strip())}", (*scene.things, thing)
    return None


def _remove(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Change:
    if len(scene.kinds) < 2:
        return None
    kind = rng.choice(list(scene.kinds))
    things = tuple(thing for thing in scene.things if thing.kind != kind)
    return f"remove {_the(kind, scene, vocabulary)}", things


def _swap(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Change:
    if len(scene.things) != 2 or len(scene.kinds) != 2:
        return None
    a, b = scene.things
    things = (replace(a, x=b.x, y=b.y), replace(b, x=a.x, y=a.y))
    if not (fits(things[0], ()) and fits(things[1], things[:1])):
        return None
    return f"swap {_the(a.kind, scene, vocabulary)} and {_the(b.kind, scene, vocabulary)}", things


TOPICS: dict[str, Callable[[Scene, Vocabulary, Random], Change]] = {
    "recolour": _recolour,
    "resize": _resize,
    "exchange": _exchange,
    "add": _add,
    "remove": _remove,
    "swap": _swap,
}


def _turned(scene: Scene, kind: Kind, new: Kind) -> tuple[Thing, ...]:
    return tuple(replace(thing, kind=new) if thing.kind == kind else thing for thing in scene.things)


def _the(kind: Kind, scene: Scene, vocabulary: Vocabulary) -> str:
    """'the circle', or 'the red circle' where there are others; 'the stars' where there are several of a kind."""
    noun = kind.shape if scene.kinds[kind] == 1 else vocabulary.plurals[kind.shape]
    alone = all(other == kind for other in scene.kinds if other.shape == kind.shape)
    return f"the {noun}" if alone else f"the {kind.colour} {noun}"
