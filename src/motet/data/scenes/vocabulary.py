"""The words of scenes, and what they stand for: names of things, colours, sizes, numbers, relations."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from motet.errors import DataError

SHAPES = {
    "circle": "circles",
    "square": "squares",
    "triangle": "triangles",
    "star": "stars",
    "heart": "hearts",
    "cross": "crosses",
    "ring": "rings",
    "moon": "moons",
}
"""Each shape's name and its plural."""

COLOURS = {
    "red": (208, 30, 40),
    "orange": (243, 125, 20),
    "yellow": (248, 222, 40),
    "green": (36, 150, 66),
    "blue": (30, 90, 215),
    "purple": (138, 48, 168),
    "pink": (250, 125, 185),
    "black": (30, 30, 34),
}
"""Colours in sRGB. Any two lie at least 95 apart, and each at least 100 from every ground."""

EMOJI = {
    "apple": ("apples", "1f34e"),
    "balloon": ("balloons", "1f388"),
    "basketball": ("basketballs", "1f3c0"),
    "bear": ("bears", "1f43b"),
    "cactus": ("cactuses", "1f335"),
    "car": ("cars", "1f697"),
    "carrot": ("carrots", "1f955"),
    "chick": ("chicks", "1f424"),
    "cookie": ("cookies", "1f36a"),
    "crab": ("crabs", "1f980"),
    "crown": ("crowns", "1f451"),
    "eggplant": ("eggplants", "1f346"),
    "fox": ("foxes", "1f98a"),
    "lemon": ("lemons", "1f34b"),
    "rose": ("roses", "1f339"),
    "snail": ("snails", "1f40c"),
    "strawberry": ("strawberries", "1f353"),
    "tree": ("trees", "1f333"),
    "turtle": ("turtles", "1f422"),
    "whale": ("whales", "1f433"),
}
"""Each sprite's name, its plural, and the file name of its Twemoji picture."""

SIZES = {"small": 0.20, "medium": 0.29, "large": 0.42}
"""The longer side of a thing, as a share of the picture's side. A caption is silent about medium."""

NUMBERS = {"two": 2, "three": 3, "four": 4}

OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
RELATIONS = tuple(OPPOSITE)


@dataclass(frozen=True)
class Vocabulary:
    """One set of things that scenes are made of. ``colours`` is empty where things have their own."""

    name: str
    plurals: dict[str, str]
    colours: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.plurals)


VOCABULARIES = {
    "shapes": Vocabulary("shapes", SHAPES, tuple(COLOURS)),
    "emoji": Vocabulary("emoji", {name: plural for name, (plural, _) in EMOJI.items()}, ()),
}


def vocabulary_of(name: str) -> Vocabulary:
    """The vocabulary of that name.

    Raises:
        DataError: there is none; the message names the nearest.
    """
    if name not in VOCABULARIES:
        near = get_close_matches(name, VOCABULARIES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataError(f"no sprites {name!r}{hint} Accepted: {', '.join(VOCABULARIES)}")
    return VOCABULARIES[name]
