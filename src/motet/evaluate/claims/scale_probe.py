"""What one scale of a picture's features tells: linear probes of where things stand, of how two stand, and of colour.

PUMA (arXiv 2410.13861, the ablation on granularity) lets a language model read one scale alone and asks it questions.
A probe asks the features themselves: at the size of a claim a language model of a minute would add its own failures to
those of the scale, and a regression in closed form adds no luck of training. It is linear, so it says what lies open in
a scale, not all that a transformer could find in it; and as a coarse scale is a mean of a finer one, whatever it tells
linearly the finer one tells too, given pictures enough.

    place      in which of 3 x 3 cells the one thing stands           chance: the commonest cell
    colour     of which of 8 colours it is, which asks for no place   chance: the commonest colour
    relation   whether one of two things stands left of, right of,    chance: about a quarter
               above or below the other, both named by their shapes

For the relation the probe tells of every shape how far it stands from the other thing, across and down; the two that
are asked about are compared as ``scene.relation`` compares true places.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from motet.codecs.features import Features
from motet.codecs.pyramid import pooled
from motet.data.corpus import Corpus, Split
from motet.data.scenes.item import scene_of
from motet.data.scenes.scene import N_CELLS, Scene, Thing, is_clear, relation
from motet.data.scenes.vocabulary import COLOURS, SHAPES
from motet.data.source import open_source
from motet.errors import DataError

AT_ONCE = 256
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Of the ridge, beside the mean eigenvalue of the system."""
CHOSEN = 0.2
"""The share of the fitted pictures that the strength is chosen on."""
NAMES, HUES = list(SHAPES), list(COLOURS)


class Probes(NamedTuple):
    """Scenes for the probes: of one thing, and of two that stand clearly; each split into fitted and judged ones."""

    alone: Split
    pairs: Split
    judged: float


def probe_scenes(alone: str, pairs: str, side: int, *, judged: float = 0.25) -> Probes:
    """The training compositions of two specs, as pictures of ``side`` pixels. judged: the share that is judged."""
    one, two = (Corpus.of(open_source(spec), (side, side)).train for spec in (alone, pairs))
    return Probes(one, two, judged)


def probe(features: Features, factor: int, probes: Probes) -> dict[str, float]:
    """The shares of ``place``, ``colour`` and ``relation`` that are told rightly from features pooled by ``factor``.

    Raises DataError if the data has no pictures of one thing, or none of two.
    """
    ones = [scene_of(document.id) for document in probes.alone.documents]
    twos = [scene_of(document.id) for document in probes.pairs.documents]
    single = [i for i, scene in enumerate(ones) if len(scene.things) == 1]
    double = [i for i, scene in enumerate(twos) if _asks(scene)]
    if not single or not double:
        raise DataError(f"probes need pictures of one thing and of two; there are {len(single)} and {len(double)}")
    x = scale_of(features, factor, probes.alone, single)
    things = [ones[i].things[0] for i in single]
    cells = torch.tensor([row * N_CELLS + column for row, column in (thing.cell for thing in things)])
    colours = torch.tensor([HUES.index(thing.kind.colour) for thing in things])
    told = {
        "place": _right(x, cells, N_CELLS**2, probes.judged),
        "colour": _right(x, colours, len(HUES), probes.judged),
    }
    x, pairs = scale_of(features, factor, probes.pairs, double), [twos[i].things for i in double]
    at = _cut(len(pairs), probes.judged)
    apart = predicted(x[:at], _apart(pairs[:at]), x[at:])
    right = [_relation(a, b, row) == relation(a, b) for (a, b), row in zip(pairs[at:], apart, strict=True)]
    return told | {"relation": sum(right) / len(right)}


@torch.no_grad()
def scale_of(features: Features, factor: int, split: Split, chosen: Sequence[int]) -> Float[Tensor, "n f"]:
    """The features of these pictures at one scale, all its tokens behind each other."""
    grid = features.grid_of(*split.size)
    rows = []
    for start in range(0, len(chosen), AT_ONCE):
        pixels = split.pixels.batch([split.pixels.first[i] for i in chosen[start : start + AT_ONCE]])
        finest = features.encode_pixels(pixels.to(features.bias.device))
        rows.append(pooled(finest, grid, factor).flatten(1).cpu())
    return torch.cat(rows)


def predicted(
    fitted: Float[Tensor, "n f"], targets: Float[Tensor, "n k"], asked: Float[Tensor, "m f"]
) -> Float[Tensor, "m k"]:
    """A ridge regression's targets of ``asked``; the last of the fitted rows choose its strength, then it takes all.

    The strength with the least squared error on them is taken. Features are first made to have mean 0.
    """
    centre, mean = fitted.mean(0), targets.mean(0)
    x, y = (fitted - centre).double(), (targets - mean).double()
    z = (asked - centre).double()
    at = _cut(len(x), CHOSEN)
    tried = _ridges(x[:at], y[:at], x[at:], STRENGTHS)
    best = min(range(len(STRENGTHS)), key=lambda i: float((tried[i] - y[at:]).square().mean()))
    return (_ridges(x, y, z, STRENGTHS[best : best + 1])[0] + mean).float()


def _ridges(x: Tensor, y: Tensor, z: Tensor, strengths: Sequence[float]) -> list[Tensor]:
    """Of each strength, in the form whose system is smaller: one row for each picture, or for each feature."""
    wide = x.shape[1] > len(x)
    values, vectors = torch.linalg.eigh(x @ x.T if wide else x.T @ x)
    right = vectors.T @ (y if wide else x.T @ y)
    left = (z @ x.T if wide else z) @ vectors
    values = values.clamp_min(0)
    return [left @ (right / (values + strength * values.mean().clamp_min(1e-12))[:, None]) for strength in strengths]


def _right(x: Float[Tensor, "n f"], classes: Int[Tensor, " n"], k: int, judged: float) -> float:
    at = _cut(len(x), judged)
    told = predicted(x[:at], one_hot(classes[:at], k).float(), x[at:]).argmax(1)
    return float((told == classes[at:]).float().mean())


def _cut(n: int, share: float) -> int:
    """Where the last ``share`` of n rows begins; both parts have one row or more."""
    return min(n - 1, max(1, round(n * (1 - share))))


def _asks(scene: Scene) -> bool:
    """Whether one may ask how the scene's two things stand, by their shapes."""
    if len(scene.things) != 2:
        return False
    a, b = scene.things
    return a.kind.shape != b.kind.shape and is_clear(a, b)


def _apart(pairs: Sequence[tuple[Thing, ...]]) -> Float[Tensor, "n k"]:
    """Of every shape, how far it stands from the other thing, across and down; 0 of those that are not there."""
    targets = torch.zeros(len(pairs), len(NAMES), 2)
    for row, (a, b) in enumerate(pairs):
        for one, other in ((a, b), (b, a)):
            targets[row, NAMES.index(one.kind.shape)] = torch.tensor([one.x - other.x, one.y - other.y])
    return targets.flatten(1)


def _relation(a: Thing, b: Thing, told: Float[Tensor, " k"]) -> str:
    """How the first stands to the second, by what was told."""
    ax, bx = (told.view(len(NAMES), 2)[NAMES.index(thing.kind.shape)].tolist() for thing in (a, b))
    return relation(Thing(a.kind, *ax), Thing(b.kind, *bx))
