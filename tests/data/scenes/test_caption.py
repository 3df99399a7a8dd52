import re
from random import Random

import pytest

from motet.data.scenes.caption import caption, expected, read_caption, words
from motet.data.scenes.compose import Telling, compose
from motet.data.scenes.scene import Ground, Kind, Scene, Thing
from motet.data.scenes.vocabulary import VOCABULARIES

SHAPES = VOCABULARIES["shapes"]


def thing(shape: str, colour: str, x: float, y: float, size: str = "medium") -> Thing:
    return Thing(Kind(shape, colour, size), x, y)


@pytest.mark.parametrize(
    ("things", "telling", "said"),
    [
        ([thing("heart", "yellow", 0.5, 0.5, "large")], Telling(), "a large yellow heart"),
        ([thing("circle", "orange", 0.5, 0.5)], Telling(), "an orange circle"),
        ([thing("circle", "orange", 0.5, 0.5)], Telling(colours=False), "a circle"),
        ([thing("circle", "red", 0.2, 0.5), thing("circle", "red", 0.8, 0.5)], Telling(), "two red circles"),
        (
            [thing("star", "blue", 0.2, 0.5), thing("square", "green", 0.8, 0.5)],
            Telling("left of"),
            "a blue star left of a green square",
        ),
        (
            [thing("cross", "red", 0.2, 0.2), thing("cross", "red", 0.8, 0.2), thing("moon", "pink", 0.5, 0.8)],
            Telling(),
            "two red crosses and a pink moon",
        ),
    ],
)
def test_a_caption_says_what_is_there(things: list[Thing], telling: Telling, said: str) -> None:
    assert caption(Scene(tuple(things)), telling, SHAPES) == said


def _independently(text: str, scene: Scene, plurals: dict[str, str]) -> bool:
    """A caption checked without the code that wrote it: its words are counted against the things."""
    sides = re.split(r" (left of|right of|above|below) ", text)
    tellings = re.split(r", | and ", text) if len(sides) == 1 else [sides[0], sides[2]]
    matching = []
    for part in tellings:
        article, *described, noun = part.split()
        count = {"a": 1, "an": 1, "two": 2, "three": 3, "four": 4}[article]
        shape = noun if count == 1 else {plural: name for name, plural in plurals.items()}[noun]
        fits = [t for t in scene.things if t.kind.shape == shape and set(described) <= {t.kind.colour, t.kind.size}]
        if len(fits) != count or any(t.kind.size != "medium" and t.kind.size not in described for t in fits):
            return False
        matching.append(fits)
    if len(sides) == 3:
        (a,), (b,) = matching
        dx, dy = b.x - a.x, b.y - a.y
        far = {"left of": dx, "right of": -dx, "below": -dy, "above": dy}[sides[1]]
        return far > 0.2 and far > min(abs(dx), abs(dy)) / 0.6
    return sum(map(len, matching)) == len(scene.things)


@pytest.mark.parametrize("sprites", ["shapes", "emoji"])
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_captions_agree_with_their_scenes(level: int, sprites: str) -> None:
    vocabulary, rng = VOCABULARIES[sprites], Random(level)
    for _ in range(80):
        scene, telling = compose(level, vocabulary, rng)
        said = caption(scene, telling, vocabulary)
        assert _independently(said, scene, vocabulary.plurals), (said, scene)


def test_a_caption_read_again_demands_what_it_said() -> None:
    rng = Random(0)
    for _ in range(200):
        scene, telling = compose(rng.randint(1, 4), SHAPES, rng)
        demanded = read_caption(caption(scene, telling, SHAPES), SHAPES)
        assert demanded == expected(scene, telling)
        assert demanded is not None
        assert demanded.exactly(scene.things)
        assert demanded.met_by(scene.things)
        assert words(demanded, SHAPES) == caption(scene, telling, SHAPES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "circle",
        "a red",
        "a circles",
        "two circle",
        "a red red circle",
        "a circle and",
        "five circles",
        "a dog",
    ],
)
def test_what_is_no_caption_is_not_read(text: str) -> None:
    assert read_caption(text, SHAPES) is None


def test_a_wrong_caption_is_not_met() -> None:
    scene = Scene((thing("star", "blue", 0.2, 0.5), thing("square", "green", 0.8, 0.5)), Ground())
    for wrong in (
        "a green star and a blue square",
        "a blue star right of a green square",
        "a blue star above a green square",
        "two stars",
        "a blue moon",
    ):
        demanded = read_caption(wrong, SHAPES)
        assert demanded is not None
        assert not demanded.met_by(scene.things), wrong


def test_something_besides_is_overlooked_by_one_verdict_and_not_by_the_other() -> None:
    things = (thing("star", "blue", 0.2, 0.5), thing("square", "green", 0.8, 0.5))
    demanded = read_caption("a blue star", SHAPES)
    assert demanded is not None
    assert demanded.met_by(things)
    assert not demanded.exactly(things)
