"""Prompts to judge a model on: captions of GenEval's six categories, and what each demands of a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import combinations, permutations, product
from random import Random

from motet.data.scenes.caption import expected, words
from motet.data.scenes.compose import compose
from motet.data.scenes.expectation import (
    ATTRIBUTION,
    CATEGORIES,
    COUNTING,
    HUES,
    ONE,
    POSITION,
    TWO,
    Expectation,
    Named,
)
from motet.data.scenes.held_out import counts_held_out, looks_held_out, places_held_out
from motet.data.scenes.vocabulary import NUMBERS, OPPOSITE, RELATIONS, Vocabulary, vocabulary_of
from motet.errors import DataError

TRIED = 200
"""Scenes of each level that are looked at for what they can show."""


def prompts(
    category: str, n: int, seed: int = 0, *, sprites: str = "shapes", held_out: bool = False
) -> list[tuple[str, Expectation]]:
    """``n`` captions of a category with their expectations, all different until all have been used.

    As in GenEval, colours are said in ``colours`` and ``colour_attribution`` alone. ``held_out``: only those that no
    training picture fits; else only those that some does.

    Raises:
        DataError: an unknown category, or one of which there is no such prompt: sprites have no colours, and neither
            one object nor two objects can be held out.
    """
    vocabulary = vocabulary_of(sprites)
    if category not in CATEGORIES:
        raise DataError(f"there is no category {category!r}; expected one of {', '.join(CATEGORIES)}")
    known = [one for one in _all(category, vocabulary) if _is_held_out(one, vocabulary.name) == held_out]
    if not known:
        kind = "held-out " if held_out else ""
        have = ", ".join(categories(sprites, held_out=held_out))
        raise DataError(f"there are no {kind}prompts of {category} with {sprites}; there are some of {have}")
    rng = Random(f"motet prompts 0: {category} {seed}")
    rng.shuffle(known)
    return [(words(one, vocabulary), one) for one in (known[i % len(known)] for i in range(n))]


def categories(sprites: str = "shapes", *, held_out: bool = False) -> tuple[str, ...]:
    """The categories that have prompts."""
    vocabulary = vocabulary_of(sprites)
    return tuple(
        category
        for category in CATEGORIES
        if any(_is_held_out(one, vocabulary.name) == held_out for one in _all(category, vocabulary))
    )


@cache
def shown(levels: tuple[int, int], sprites: str = "shapes") -> frozenset[str]:
    """The categories with prompts that captions of these levels are like. Relations, say, begin at level 3."""
    vocabulary, rng = vocabulary_of(sprites), Random("motet prompts 0: shown")
    asked = {category: set(_all(category, vocabulary)) for category in CATEGORIES}
    found: set[str] = set()
    for level in range(levels[0], levels[1] + 1):
        for _ in range(TRIED):
            told = expected(*compose(level, vocabulary, rng))
            bare = replace(told, named=tuple(replace(named, size=None) for named in told.named))
            if bare.category is not None and bare in asked[bare.category]:
                found.add(bare.category)
    return frozenset(found)


def contradicted(expectation: Expectation, vocabulary: Vocabulary, rng: Random) -> Expectation:
    """The expectation with what its category asks for made wrong: a picture that meets one fails the other."""
    first, *rest = expectation.named
    shapes = {named.shape for named in expectation.named}
    if expectation.category == POSITION:
        assert expectation.relation is not None
        return replace(expectation, relation=OPPOSITE[expectation.relation])
    if expectation.category == ATTRIBUTION and first.shape != rest[0].shape:
        swapped = (replace(first, colour=rest[0].colour), replace(rest[0], colour=first.colour))
        return replace(expectation, named=swapped)
    if expectation.category == COUNTING:
        count = rng.choice([number for number in NUMBERS.values() if number != first.count])
        wrong = replace(first, count=count)
    elif first.colour is not None:
        taken = {named.colour for named in expectation.named}
        wrong = replace(first, colour=rng.choice([one for one in vocabulary.colours if one not in taken]))
    else:
        wrong = replace(first, shape=rng.choice([name for name in vocabulary.names if name not in shapes]))
    return replace(expectation, named=(wrong, *rest))


def _all(category: str, vocabulary: Vocabulary) -> Iterable[Expectation]:
    names, looks = vocabulary.names, list(product(vocabulary.names, vocabulary.colours))
    if category == ONE:
        return (Expectation((Named(1, name),)) for name in names)
    if category == TWO:
        return (Expectation((Named(1, a), Named(1, b))) for a, b in combinations(names, 2))
    if category == COUNTING:
        return (Expectation((Named(count, name),)) for count, name in product(NUMBERS.values(), names))
    if category == HUES:
        return (Expectation((Named(1, *one),)) for one in looks)
    if category == POSITION:
        pairs = permutations(names, 2)
        return (Expectation((Named(1, a), Named(1, b)), told) for a, b in pairs for told in RELATIONS)
    assert category == ATTRIBUTION
    return (
        Expectation((Named(1, *a), Named(1, *b))) for a, b in combinations(looks, 2) if a[0] != b[0] and a[1] != b[1]
    )


def _is_held_out(expectation: Expectation, vocabulary: str) -> bool:
    """Whether every picture that meets it shows a held-out composition."""
    named = expectation.named
    if any((one.shape, one.colour) in looks_held_out(vocabulary) for one in named):
        return True
    if expectation.relation is not None:
        return (named[0].shape, expectation.relation, named[1].shape) in places_held_out(vocabulary)
    return any((one.count, one.shape) in counts_held_out(vocabulary) for one in named)
