"""A scene in words, and words read again: 'two red circles', 'a blue star left of a green square'."""

from __future__ import annotations

import re
from collections.abc import Sequence

from motet.data.scenes.compose import Telling
from motet.data.scenes.expectation import Expectation, Named
from motet.data.scenes.scene import Kind, Scene
from motet.data.scenes.vocabulary import NUMBERS, RELATIONS, SIZES, Vocabulary

_WORDS = {count: word for word, count in NUMBERS.items()}
_RELATION = re.compile(rf" ({'|'.join(RELATIONS)}) ")


def caption(scene: Scene, telling: Telling, vocabulary: Vocabulary) -> str:
    """What the scene shows, in full but for what the telling leaves out. Medium size is not said."""
    return words(expected(scene, telling), vocabulary)


def expected(scene: Scene, telling: Telling) -> Expectation:
    """What the scene's caption demands of a picture."""
    if telling.relation is not None:
        named = tuple(_named(thing.kind, 1, telling) for thing in scene.things[:2])
        return Expectation(named, telling.relation)
    return Expectation(tuple(_named(kind, count, telling) for kind, count in scene.kinds.items()))


def words(expectation: Expectation, vocabulary: Vocabulary) -> str:
    """An expectation as a caption; ``read_caption`` is its inverse."""
    phrases = [phrase(named, vocabulary) for named in expectation.named]
    if expectation.relation is not None:
        return f"{phrases[0]} {expectation.relation} {phrases[1]}"
    return listed(phrases)


def phrase(named: Named, vocabulary: Vocabulary) -> str:
    """'a small red circle', 'two apples'."""
    described = " ".join(word for word in (named.size, named.colour) if word)
    noun = named.shape if named.count == 1 else vocabulary.plurals[named.shape]
    rest = f"{described} {noun}".strip()
    return with_article(rest) if named.count == 1 else f"{_WORDS[named.count]} {rest}"


def with_article(noun: str) -> str:
    """'a circle', 'an orange circle'."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def listed(phrases: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)


def read_caption(text: str, vocabulary: Vocabulary) -> Expectation | None:
    """What a caption demands, such as one that a model has written; None if it is not in the language of captions."""
    halves = _RELATION.split(f" {text.strip()} ")
    if len(halves) == 3:
        named = [_read(halves[0], vocabulary), _read(halves[2], vocabulary)]
        relation: str | None = halves[1]
    else:
        named = [_read(part, vocabulary) for part in re.split(r", | and ", text.strip())]
        relation = None
    known = tuple(one for one in named if one is not None)
    return Expectation(known, relation) if len(known) == len(named) else None


def _named(kind: Kind, count: int, telling: Telling) -> Named:
    return Named(
        count,
        kind.shape,
        kind.colour or None if telling.colours else None,
        None if kind.size == "medium" else kind.size,
    )


def _read(text: str, vocabulary: Vocabulary) -> Named | None:
    first, *between = text.split() or [""]
    if not between:
        return None
    noun = between.pop()
    count = NUMBERS.get(first, 1 if first in ("a", "an") else 0)
    nouns = {name: name for name in vocabulary.names}
    if count > 1:
        nouns = {plural: name for name, plural in vocabulary.plurals.items()}
    size = between.pop(0) if between and between[0] in SIZES else None
    colour = between.pop(0) if between and between[0] in vocabulary.colours else None
    return Named(count, nouns[noun], colour, size) if count and noun in nouns and not between else None
