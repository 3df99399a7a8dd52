"""Questions about a scene, with their answers. Nobody who sees the picture would dispute them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from motet.data.scenes.caption import with_article
from motet.data.scenes.held_out import look, looks_held_out, places_held_out
from motet.data.scenes.scene import Kind, Scene, Thing, is_clear, leans, relation
from motet.data.scenes.vocabulary import NUMBERS, RELATIONS, Vocabulary

COUNTS = {0: "none", 1: "one", **{count: word for word, count in NUMBERS.items()}}


@dataclass(frozen=True)
class Question:
    """``topic`` is one of ``TOPICS``."""

    topic: str
    text: str
    answer: str


def ask(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Question:
    """A question that the scene answers; its topic is drawn first, among those that the scene allows.

    Yes and no are equally likely. A 'no' never names a composition that is held out: a model would learn from it that
    there is no such thing.
    """
    for topic in rng.sample(tuple(TOPICS), len(TOPICS)):
        question = TOPICS[topic](scene, vocabulary, rng)
        if question is not None:
            return Question(topic, *question)
    raise AssertionError("how many there are can always be asked")


Asked = tuple[str, str] | None
"""A question and its answer; None where the scene does not allow it."""


def _count(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Asked:
    shapes = [thing.kind.shape for thing in scene.things]
    shape = rng.choice(vocabulary.names) if rng.random() < 0.15 else rng.choice(shapes)
    return f"how many {vocabulary.plurals[shape]} are there?", COUNTS[shapes.count(shape)]


def _colour(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Asked:
    things = _alone(scene)
    if not things or not vocabulary.colours:
        return None
    kind = rng.choice(things).kind
    return f"what colour is the {kind.shape}?", kind.colour


def _shape(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Asked:
    kinds = [thing.kind for thing in scene.things]
    colours = [kind.colour for kind in kinds]
    single = [kind for kind in kinds if colours.count(kind.colour) == 1]
    if not single or not vocabulary.colours:
        return None
    kind = rng.choice(single)
    return f"what is {kind.colour}?", with_article(kind.shape)


def _size(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Asked:
    things = _alone(scene)
    if not things:
        return None
    kind = rng.choice(things).kind
    return f"what size is the {kind.shape}?", kind.size


def _presence(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Asked:
    there = {(thing.kind.shape, thing.kind.colour) for thing in scene.things}
    if rng.random() < 0.5:
        return _is_there(*rng.choice(sorted(there))), "yes"
    absent = [
        (shape, colour)
        for shape in vocabulary.names
        for colour in vocabulary.colours or ("",)
        if (shape, colour) not in there and look(Kind(shape, colour)) not in looks_held_out(vocabulary.name)
    ]
    # half of the things that are not there have the shape or the colour of one that is
    near = [one for one in absent if any(one[0] == shape or one[1] == colour != "" for shape, colour in there)]
    return _is_there(*rng.choice(near if near and rng.random() < 0.5 else absent)), "no"


def _is_there(shape: str, colour: str) -> str:
    return f"is there {with_article(f'{colour} {shape}'.strip())}?"


def _relation(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Asked:
    pairs = _clear_pairs(scene)
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    told, answer = relation(a, b), "yes"
    if rng.random() < 0.5:
        denied = [
            other
            for other in RELATIONS
            if not leans(a, other, b) and (a.kind.shape, other, b.kind.shape) not in places_held_out(vocabulary.name)
        ]
        if denied:
            told, answer = rng.choice(denied), "no"
    return f"is the {a.kind.shape} {told} the {b.kind.shape}?", answer


def _position(scene: Scene, vocabulary: Vocabulary, rng: Random) -> Asked:
    pairs = _clear_pairs(scene)
    if len(scene.things) != 2 or not pairs:
        return None
    a, b = rng.choice(pairs)
    return f"what is {relation(a, b)} the {b.kind.shape}?", with_article(a.kind.shape)


TOPICS: dict[str, Callable[[Scene, Vocabulary, Random], Asked]] = {
    "count": _count,
    "colour": _colour,
    "shape": _shape,
    "size": _size,
    "presence": _presence,
    "relation": _relation,
    "position": _position,
}


def _alone(scene: Scene) -> list[Thing]:
    """The things whose shape no other has, so that 'the circle' is one."""
    shapes = [thing.kind.shape for thing in scene.things]
    return [thing for thing in scene.things if shapes.count(thing.kind.shape) == 1]


def _clear_pairs(scene: Scene) -> list[tuple[Thing, Thing]]:
    alone = _alone(scene)
    return [(a, b) for a in alone for b in alone if a is not b and is_clear(a, b)]
