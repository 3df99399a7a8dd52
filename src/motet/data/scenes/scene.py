"""Scene: what a picture shows, as data. Lengths are shares of the picture's side, so a scene has no size in pixels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from motet.data.scenes.vocabulary import SIZES

N_CELLS = 3
CLEAR = 0.6
"""Two things stand clearly left, right, above or below if their other distance is at most this share of the one."""


@dataclass(frozen=True)
class Kind:
    """What things may have in common. ``colour`` is empty for a sprite, which has its own."""

    shape: str
    colour: str = ""
    size: str = "medium"

    @property
    def extent(self) -> float:
        """The longer side of a bounding box."""
        return SIZES[self.size]


@dataclass(frozen=True)
class Thing:
    """One thing at a place: the centre of its bounding box, x to the right and y downwards."""

    kind: Kind
    x: float
    y: float

    @property
    def extent(self) -> float:
        """The longer side of its bounding box."""
        return self.kind.extent

    @property
    def cell(self) -> tuple[int, int]:
        """Row and column in a grid of 3 x 3."""
        return min(int(self.y * N_CELLS), N_CELLS - 1), min(int(self.x * N_CELLS), N_CELLS - 1)


@dataclass(frozen=True)
class Ground:
    """What things stand on: a colour, and a soft texture drawn from a seed."""

    colour: tuple[int, int, int] = (255, 255, 255)
    texture: str = "plain"
    seed: int = 0


@dataclass(frozen=True)
class Scene:
    """Things on a ground. None touches another or the border."""

    things: tuple[Thing, ...]
    ground: Ground = Ground()
    lattice: int = 0
    """Things stand on a lattice of this many steps along a side; 0: anywhere."""

    @property
    def kinds(self) -> dict[Kind, int]:
        """How many there are of each kind, in the order of the things."""
        return dict(Counter(thing.kind for thing in self.things))


def relation(a: Thing, b: Thing) -> str:
    """Where a stands, seen from b: along the axis on which they are further apart."""
    dx, dy = a.x - b.x, a.y - b.y
    if abs(dx) >= abs(dy):
        return "left of" if dx < 0 else "right of"
    return "above" if dy < 0 else "below"


def leans(a: Thing, relation: str, b: Thing) -> bool:
    """Whether a stands in that direction of b at all, however much further it is in another."""
    dx, dy = a.x - b.x, a.y - b.y
    return {"left of": dx < 0, "right of": dx > 0, "above": dy < 0, "below": dy > 0}[relation]


def is_clear(a: Thing, b: Thing) -> bool:
    """Whether nobody would dispute ``relation(a, b)``."""
    near, far = sorted((abs(a.x - b.x), abs(a.y - b.y)))
    return near <= CLEAR * far
