import re
from collections import Counter
from random import Random

import pytest

from motet.data.scenes.compose import compose
from motet.data.scenes.questions import TOPICS, Question, ask
from motet.data.scenes.scene import Scene, Thing
from motet.data.scenes.vocabulary import SHAPES, VOCABULARIES

VOCABULARY = VOCABULARIES["shapes"]


def some(n: int, seed: int = 0) -> list[tuple[Scene, Question]]:
    rng = Random(seed)
    scenes = [compose(rng.randint(1, 4), VOCABULARY, rng)[0] for _ in range(n)]
    return [(scene, ask(scene, VOCABULARY, rng)) for scene in scenes]


def stands(a: Thing, told: str, b: Thing) -> bool:
    dx, dy = b.x - a.x, b.y - a.y
    return {"left of": dx > abs(dy), "right of": -dx > abs(dy), "above": dy > abs(dx), "below": -dy > abs(dx)}[told]


def answer(text: str, scene: Scene) -> str:
    """The answer found from the words of the question alone."""
    things = scene.things

    def the(shape: str) -> Thing:
        (one,) = (thing for thing in things if thing.kind.shape == shape)
        return one

    if found := re.fullmatch(r"how many (\w+) are there\?", text):
        return ["none", "one", "two", "three", "four"][sum(SHAPES[t.kind.shape] == found[1] for t in things)]
    if found := re.fullmatch(r"what colour is the (\w+)\?", text):
        return the(found[1]).kind.colour
    if found := re.fullmatch(r"what size is the (\w+)\?", text):
        return the(found[1]).kind.size
    if found := re.fullmatch(r"is there an? (\w+) (\w+)\?", text):
        return "yes" if any((t.kind.colour, t.kind.shape) == (found[1], found[2]) for t in things) else "no"
    if found := re.fullmatch(r"is the (\w+) (left of|right of|above|below) the (\w+)\?", text):
        return "yes" if stands(the(found[1]), found[2], the(found[3])) else "no"
    if found := re.fullmatch(r"what is (left of|right of|above|below) the (\w+)\?", text):
        (one,) = (t for t in things if t is not the(found[2]) and stands(t, found[1], the(found[2])))
        return f"a {one.kind.shape}"
    found = re.fullmatch(r"what is (\w+)\?", text)
    assert found, text
    (one,) = (thing for thing in things if thing.kind.colour == found[1])
    return f"a {one.kind.shape}"


def test_answers_agree_with_an_independent_reading_of_the_scene() -> None:
    for scene, question in some(200):
        assert question.answer == answer(question.text, scene), (question, scene)


def test_every_topic_is_asked() -> None:
    assert {question.topic for _, question in some(200)} == set(TOPICS)


@pytest.mark.parametrize("topic", ["presence", "relation"])
def test_yes_and_no_are_about_equally_frequent(topic: str) -> None:
    rng = Random(0)
    asked = [TOPICS[topic](compose(3, VOCABULARY, rng)[0], VOCABULARY, rng) for _ in range(400)]
    answers = Counter(one[1] for one in asked if one is not None)
    assert set(answers) == {"yes", "no"}
    assert answers.total() > 200
    assert 0.42 < answers["yes"] / answers.total() < 0.58


def test_a_relation_that_is_denied_is_wrong_in_its_direction_too() -> None:
    """A thing that is far to the left and a little above is not asked to be called 'not above'."""
    rng, denied = Random(1), 0
    for _ in range(400):
        scene = compose(rng.randint(3, 4), VOCABULARY, rng)[0]
        asked = TOPICS["relation"](scene, VOCABULARY, rng)
        if asked is None or asked[1] == "yes":
            continue
        shape, told, other = re.fullmatch(r"is the (\w+) (.+) the (\w+)\?", asked[0]).groups()  # type: ignore[union-attr]
        a, b = (next(thing for thing in scene.things if thing.kind.shape == name) for name in (shape, other))
        sign = {"left of": b.x - a.x, "right of": a.x - b.x, "above": b.y - a.y, "below": a.y - b.y}[told]
        assert sign <= 0, (asked, a, b)
        denied += 1
    assert denied > 50


def test_sprites_are_not_asked_for_their_colour() -> None:
    rng, emoji = Random(0), VOCABULARIES["emoji"]
    for _ in range(100):
        scene, _ = compose(rng.randint(1, 4), emoji, rng)
        assert ask(scene, emoji, rng).topic not in ("colour", "shape")
