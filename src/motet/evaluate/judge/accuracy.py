"""How often a judge is right about pictures whose truth is known: real renders, of seeds that it was not trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from motet.data.scenes.caption import expected
from motet.data.scenes.compose import compose, showing
from motet.data.scenes.draw import draw
from motet.data.scenes.expectation import Expectation
from motet.data.scenes.prompts import categories, contradicted, prompts
from motet.data.scenes.scene import Scene, Thing, is_clear, relation
from motet.data.scenes.vocabulary import Vocabulary
from motet.evaluate.judge.degrade import degraded
from motet.evaluate.judge.reader import as_tensor

SIDES = (48, 64)
NEAR = 0.05
"""How far a thing may be seen from where it is, as a share of the picture's side."""
HARDEST = "level_4"
"""Beside GenEval's categories: crowded scenes on textured ground."""


@runtime_checkable
class Seen(Protocol):
    """What a judge says about one picture."""

    @property
    def things(self) -> tuple[Thing, ...]: ...

    @property
    def nameless(self) -> int: ...

    def meets(self, expectation: Expectation) -> bool: ...


@dataclass(frozen=True)
class Accuracy:
    """Of ``n`` renders of one category, the shares in which the judge

    reads: sees every thing, its name, colour, size and place, and nothing else;
    yes: accepts the true caption;
    no: refuses one that is wrong in what the category asks for.
    """

    category: str
    n: int
    reads: float
    yes: float
    no: float


def accuracy(
    read_many: Callable[[Tensor], Sequence[Seen]],
    vocabulary: Vocabulary,
    *,
    n: int = 100,
    sides: Sequence[int] = SIDES,
    seed: int = 0,
) -> dict[str, list[Accuracy]]:
    """Accuracies on ``n`` renders of each side in each category, ``clean`` and ``degraded``."""
    measured: dict[str, list[Accuracy]] = {"clean": [], "degraded": []}
    rng = torch.Generator().manual_seed(seed)
    for category in (*categories(vocabulary.name), HARDEST):
        draws = Random(f"motet judge accuracy 0: {vocabulary.name} {category} {seed}")
        known = _known(category, n, vocabulary, draws)
        verdicts: dict[str, list[tuple[bool, bool, bool]]] = {how: [] for how in measured}
        for side in sides:
            pictures = as_tensor([draw(scene, side) for scene, _ in known])
            for how, shown in (("clean", pictures), ("degraded", degraded(pictures, rng))):
                for seen, (scene, truth) in zip(read_many(shown), known, strict=True):
                    wrong = contradicted(truth, vocabulary, draws)
                    verdicts[how].append((agrees(seen, scene), seen.meets(truth), not seen.meets(wrong)))
        for how, rows in verdicts.items():
            reads, yes, no = (sum(column) / len(rows) for column in zip(*rows, strict=True))
            measured[how].append(Accuracy(category, len(rows), reads, yes, no))
    return measured


def agrees(seen: Seen, scene: Scene) -> bool:
    """Whether all of a scene was seen: every thing where it is, what it is and as it is related, and nothing else."""
    if seen.nameless or len(seen.things) != len(scene.things):
        return False
    where = [_nearest(thing, seen.things) for thing in scene.things]
    right = all(
        thing.kind == other.kind and abs(thing.x - other.x) <= NEAR and abs(thing.y - other.y) <= NEAR
        for thing, other in zip(scene.things, where, strict=True)
    )
    pairs = [(a, b) for a in range(len(where)) for b in range(a) if is_clear(scene.things[a], scene.things[b])]
    return right and all(relation(scene.things[a], scene.things[b]) == relation(where[a], where[b]) for a, b in pairs)


def _nearest(thing: Thing, others: Sequence[Thing]) -> Thing:
    return min(others, key=lambda other: (other.x - thing.x) ** 2 + (other.y - thing.y) ** 2)


def _known(category: str, n: int, vocabulary: Vocabulary, draws: Random) -> list[tuple[Scene, Expectation]]:
    """Scenes of a category, and what their captions demand."""
    if category == HARDEST:
        told = [compose(4, vocabulary, draws) for _ in range(n)]
        return [(scene, expected(scene, telling)) for scene, telling in told]
    asked = prompts(category, n, draws.randrange(2**31), sprites=vocabulary.name)
    return [(showing(one, vocabulary, draws), one) for _, one in asked]
