import re
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from motet.data.scenes.compose import compose
from motet.data.scenes.draw import draw
from motet.data.scenes.edits import TOPICS, Edit, edit
from motet.data.scenes.scene import Scene, Thing
from motet.data.scenes.vocabulary import SHAPES, VOCABULARIES

VOCABULARY = VOCABULARIES["shapes"]
SINGULAR = {plural: name for name, plural in SHAPES.items()}


@pytest.fixture(scope="module")
def edits() -> list[Edit]:
    rng = Random(0)
    return [edit(compose(rng.randint(1, 4), VOCABULARY, rng)[0], VOCABULARY, rng) for _ in range(200)]


def meant(words: str, scene: Scene) -> list[Thing]:
    """The things that 'the red circles' means: with its colour where it is said."""
    *colour, noun = words.split()
    shape = SINGULAR.get(noun, noun)
    return [t for t in scene.things if t.kind.shape == shape and colour in ([], [t.kind.colour])]


def followed(text: str, scene: Scene) -> set[Thing]:
    """What a reader of the instruction alone makes of the scene. Of what is added, the place is left open."""
    things = set(scene.things)
    if found := re.fullmatch(r"make the (.+) (small|medium|large)", text):
        chosen, changes = meant(found[1], scene), {"size": found[2]}
    elif found := re.fullmatch(r"make the (.+) (\w+)", text):
        chosen, changes = meant(found[1], scene), {"colour": found[2]}
    elif found := re.fullmatch(r"turn the (.+) into (?:an? )?(\w+)", text):
        chosen, changes = meant(found[1], scene), {"shape": SINGULAR.get(found[2], found[2])}
    elif found := re.fullmatch(r"remove the (.+)", text):
        return things - set(meant(found[1], scene))
    else:
        found = re.fullmatch(r"swap the (.+) and the (.+)", text)
        assert found, text
        (a,), (b,) = meant(found[1], scene), meant(found[2], scene)
        return {replace(a, x=b.x, y=b.y), replace(b, x=a.x, y=a.y)}
    assert chosen
    return things - set(chosen) | {replace(t, kind=replace(t.kind, **changes)) for t in chosen}


def test_an_edit_changes_exactly_what_its_instruction_says(edits: list[Edit]) -> None:
    for one in edits:
        if found := re.fullmatch(r"add an? (\w+) (\w+)", one.instruction):
            (new,) = set(one.after.things) - set(one.before.things)
            assert set(one.before.things) < set(one.after.things)
            assert (new.kind.colour, new.kind.shape, new.kind.size) == (found[1], found[2], "medium")
        else:
            assert set(one.after.things) == followed(one.instruction, one.before), one
        assert one.before.ground == one.after.ground


def test_every_topic_occurs_and_always_shows(edits: list[Edit]) -> None:
    assert {one.topic for one in edits} == set(TOPICS)
    for one in edits:
        assert set(one.before.things) != set(one.after.things), one


def test_pixels_that_the_instruction_does_not_concern_stay(edits: list[Edit]) -> None:
    for one in edits[:100]:
        before, after = (np.asarray(draw(scene, 48)) for scene in (one.before, one.after))
        changed = set(one.before.things) ^ set(one.after.things)
        allowed = np.zeros((48, 48), bool)
        for thing in changed:
            reach = thing.extent / 2 + 1.5 / 48
            low_x, high_x, low_y, high_y = (
                int(np.floor(at * 48))
                for at in (thing.x - reach, thing.x + reach + 1 / 48, thing.y - reach, thing.y + reach + 1 / 48)
            )
            allowed[max(low_y, 0) : high_y, max(low_x, 0) : high_x] = True
        differs = (before != after).any(2)
        assert differs.any()
        assert not (differs & ~allowed).any(), one


def test_things_stay_apart_after_an_edit(edits: list[Edit]) -> None:
    for one in edits:
        things = one.after.things
        for i, a in enumerate(things):
            for b in things[:i]:
                assert max(abs(a.x - b.x), abs(a.y - b.y)) > (a.extent + b.extent) / 2
