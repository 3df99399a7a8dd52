"""Blots: pictures of what has no name, so that the reader does not call them by the nearest one.

What models draw that have not learned yet: ragged patches, things that lie on each other, things that change their
colour or their kind halfway, patchwork, and grain.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import cos, pi, sin
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from motet.data.scenes.draw import draw
from motet.data.scenes.scene import Ground, Kind, Scene, Thing
from motet.data.scenes.vocabulary import COLOURS, SIZES, Vocabulary


def blot(vocabulary: Vocabulary, side: int, rng: Random) -> Image.Image:
    """One of ``side`` pixels; which of ``BLOTS`` it is is drawn first."""
    kinds = list(BLOTS)
    return rng.choices(kinds, [BLOTS[kind] for kind in kinds])[0](vocabulary, side, rng)


def ragged(vocabulary: Vocabulary, side: int, rng: Random) -> Image.Image:
    """A patch of one colour without a shape."""
    return _pasted(Image.new("RGB", (side, side), rng.choice(tuple(COLOURS.values()))), _outline(side, rng))


def overlapping(vocabulary: Vocabulary, side: int, rng: Random) -> Image.Image:
    """Two things that lie on each other."""
    first, second = (_kind(vocabulary, rng) for _ in range(2))
    x, y, turn, off = *_place(rng), rng.uniform(0, 2 * pi), first.extent * rng.uniform(0.4, 0.7)
    beside = Thing(second, x + off * cos(turn) / 2, y + off * sin(turn) / 2)
    return draw(Scene((Thing(first, x - off * cos(turn) / 2, y - off * sin(turn) / 2), beside)), side)


def changing(vocabulary: Vocabulary, side: int, rng: Random) -> Image.Image:
    """A thing that is another one, or of another colour, on one side of a line through its middle."""
    kind = _kind(vocabulary, rng)
    if vocabulary.colours:
        other = replace(kind, colour=rng.choice([one for one in vocabulary.colours if one != kind.colour]))
    else:
        other = replace(kind, shape=rng.choice([name for name in vocabulary.names if name != kind.shape]))
    x, y = _place(rng)
    line, turn = Image.new("L", (side, side)), rng.uniform(0, 2 * pi)
    beyond = [(x * side + 2 * side * cos(turn + t), y * side + 2 * side * sin(turn + t)) for t in _HALF]
    ImageDraw.Draw(line).polygon(beyond, fill=255)
    one, two = (draw(Scene((Thing(each, x, y),)), side) for each in (kind, other))
    return Image.composite(one, two, line)


def patchwork(vocabulary: Vocabulary, side: int, rng: Random) -> Image.Image:
    """A thing's outline, or a ragged one, filled with cells of many colours, sharp or running into each other."""
    inks = list(COLOURS.values())
    cells = _cells([rng.choice(inks) for _ in range(rng.randint(6, 12) ** 2)])
    cells = cells.resize((side, side), rng.choice((Image.Resampling.NEAREST, Image.Resampling.BICUBIC)))
    if rng.random() < 0.5:
        return _pasted(cells, _outline(side, rng))
    kind = Kind(rng.choice(vocabulary.names), rng.choice(vocabulary.colours or ("",)), rng.choice(("medium", "large")))
    shown, empty = (draw(Scene(things), side) for things in ((Thing(kind, *_place(rng)),), ()))
    apart = np.abs(np.asarray(shown, dtype=int) - np.asarray(empty, dtype=int)).max(axis=2) > 60
    return _pasted(cells, Image.fromarray((apart * 255).astype(np.uint8)))


def grain(vocabulary: Vocabulary, side: int, rng: Random) -> Image.Image:
    """Noise on the ground, every pixel for itself or in clouds: some of it stands out in pieces."""
    draws = np.random.default_rng(rng.getrandbits(32))
    across = side if rng.random() < 0.5 else rng.randint(5, 12)
    noise = draws.normal(0, rng.uniform(35, 90), (across, across, 3))
    levels = (np.array(Ground().colour) + noise).clip(0, 255).astype(np.uint8)
    return Image.fromarray(levels).resize((side, side), Image.Resampling.BICUBIC)


BLOTS: dict[Callable[[Vocabulary, int, Random], Image.Image], float] = {
    ragged: 4,
    overlapping: 4,
    changing: 3,
    patchwork: 2,
    grain: 0.5,
}
"""How often each is drawn, relatively. A picture of grain has many pieces."""

_HALF = tuple(pi * k / 8 for k in range(9))


def _kind(vocabulary: Vocabulary, rng: Random) -> Kind:
    return Kind(rng.choice(vocabulary.names), rng.choice(vocabulary.colours or ("",)), rng.choice(tuple(SIZES)[1:]))


def _place(rng: Random) -> tuple[float, float]:
    return rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.65)


def _outline(side: int, rng: Random) -> Image.Image:
    """A mask of a ragged patch."""
    (x, y), fine, corners = _place(rng), 4 * side, rng.randint(5, 11)
    reach = [rng.uniform(0.25, 1) * rng.uniform(0.12, 0.24) * fine for _ in range(corners)]
    turns = sorted(rng.uniform(0, 2 * pi) for _ in range(corners))
    mask = Image.new("L", (fine, fine))
    points = [(x * fine + r * cos(t), y * fine + r * sin(t)) for r, t in zip(reach, turns, strict=True)]
    ImageDraw.Draw(mask).polygon(points, fill=255)
    return mask.reduce(4)


def _cells(inks: Sequence[tuple[int, int, int]]) -> Image.Image:
    across = int(len(inks) ** 0.5)
    return Image.fromarray(np.array(inks, dtype=np.uint8).reshape(across, across, 3))


def _pasted(ink: Image.Image, mask: Image.Image) -> Image.Image:
    picture = draw(Scene(()), ink.width)
    picture.paste(ink, (0, 0), mask)
    return picture
