from random import Random

import pytest

from motet.data.scenes.caption import read_caption
from motet.data.scenes.compose import showing
from motet.data.scenes.expectation import CATEGORIES
from motet.data.scenes.held_out import is_held_out
from motet.data.scenes.prompts import categories, contradicted, prompts
from motet.data.scenes.vocabulary import VOCABULARIES
from motet.errors import DataError

SHAPES = VOCABULARIES["shapes"]


@pytest.mark.parametrize("category", CATEGORIES)
def test_prompts_are_captions_of_their_category(category: str) -> None:
    for said, demanded in prompts(category, 30):
        assert read_caption(said, SHAPES) == demanded
        assert demanded.category == category


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_scene_made_for_a_prompt_meets_it_and_not_its_contradiction(category: str) -> None:
    rng = Random(0)
    for _, demanded in prompts(category, 40, seed=1):
        scene = showing(demanded, SHAPES, rng)
        assert demanded.exactly(scene.things)
        assert not contradicted(demanded, SHAPES, rng).met_by(scene.things)


def test_prompts_depend_on_the_seed_and_differ_until_all_are_used() -> None:
    assert prompts("colours", 60, seed=3) == prompts("colours", 60, seed=3)
    assert prompts("colours", 60, seed=3) != prompts("colours", 60, seed=4)
    assert len({said for said, _ in prompts("colours", 60)}) == 60
    assert len({said for said, _ in prompts("one_object", 20)}) == 8


def test_held_out_prompts_need_held_out_pictures_and_the_others_do_not() -> None:
    rng = Random(0)
    have = categories(held_out=True)
    assert have == ("counting", "colours", "position", "colour_attribution")
    for category in have:
        for _, demanded in prompts(category, 30, held_out=True):
            assert all(is_held_out(showing(demanded, SHAPES, rng), "shapes") for _ in range(3))
    for category in CATEGORIES:
        for _, demanded in prompts(category, 10):
            assert not all(is_held_out(showing(demanded, SHAPES, rng), "shapes") for _ in range(30))


def test_what_has_no_prompts_says_which_have() -> None:
    with pytest.raises(DataError, match=r"held-out prompts of one_object with shapes.*counting, colours"):
        prompts("one_object", 1, held_out=True)
    with pytest.raises(DataError, match=r"no prompts of colours with emoji.*position"):
        prompts("colours", 1, sprites="emoji")
    with pytest.raises(DataError, match=r"no category 'colors'; expected one of one_object"):
        prompts("colors", 1)
