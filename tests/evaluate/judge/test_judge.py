import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from PIL import Image

import motet.evaluate.judge.judge as judge_module
from motet.data.scenes.caption import read_caption
from motet.data.scenes.compose import showing
from motet.data.scenes.draw import draw
from motet.data.scenes.expectation import CATEGORIES, Expectation
from motet.data.scenes.prompts import contradicted, prompts
from motet.data.scenes.scene import Kind, Scene, Thing
from motet.data.scenes.vocabulary import COLOURS, VOCABULARIES
from motet.errors import ShapeError
from motet.evaluate.judge.accuracy import accuracy, agrees
from motet.evaluate.judge.judge import Judge, Reading, load_judge
from motet.evaluate.judge.reader import Lessons, as_tensor, train_reader

SHAPES = VOCABULARIES["shapes"]
SHORT = Lessons(scenes=450, blots=350, sides=(48,), epochs=16, examined=2)
TINY = Lessons(scenes=16, blots=4, sides=(48,), epochs=2, batch=16, width=4, examined=1)


@pytest.fixture(scope="module")
def judge() -> Judge:
    """A judge of fewer lessons than the one that is used; what it must reach is the same."""
    judge = Judge(SHAPES, train_reader(SHAPES, SHORT))
    judge.known[48] = accuracy(judge.read_many, SHAPES, n=50, sides=(48,))
    return judge


def wanted(text: str) -> Expectation:
    expectation = read_caption(text, SHAPES)
    assert expectation is not None
    return expectation


def test_it_is_right_about_98_of_100_real_renders_in_each_category(judge: Judge) -> None:
    clean = {one.category: one for one in judge.accuracy(48)["clean"]}
    assert set(clean) == {*CATEGORIES, "level_4"}
    for one in clean.values():
        assert min(one.yes, one.no) >= 0.98, one
        assert one.reads >= 0.98 or one.category == "level_4", one


def test_it_is_nearly_as_good_about_degraded_ones(judge: Judge) -> None:
    for one in judge.accuracy(48)["degraded"]:
        assert min(one.yes, one.no) >= 0.9, one


@pytest.mark.parametrize("category", CATEGORIES)
def test_it_says_yes_to_the_right_picture_and_no_to_a_wrong_one(judge: Judge, category: str) -> None:
    rng = Random(5)
    asked = [one for _, one in prompts(category, 24, seed=5)]
    right = as_tensor([draw(showing(one, SHAPES, rng), 48) for one in asked])
    wrong = as_tensor([draw(showing(contradicted(one, SHAPES, rng), SHAPES, rng), 48) for one in asked])
    assert sum(judge.report(right, asked).right) >= 23
    assert sum(judge.report(wrong, asked).right) <= 1


def test_swapped_colours_positions_and_counts_are_told_apart(judge: Judge) -> None:
    star, square = Kind("star", "blue"), Kind("square", "orange")
    picture = draw(Scene((Thing(star, 0.25, 0.5), Thing(square, 0.75, 0.5))), 48)
    assert judge.score(picture, wanted("a blue star left of an orange square"))
    assert judge.score(picture, wanted("an orange square right of a blue star"))
    for wrong in ("an orange square left of a blue star", "a star above a square", "an orange star and a blue square"):
        assert not judge.score(picture, wanted(wrong))
    three = draw(Scene(tuple(Thing(star, x, y) for x, y in ((0.2, 0.2), (0.8, 0.2), (0.5, 0.7)))), 48)
    assert judge.score(three, wanted("three blue stars"))
    assert not judge.score(three, wanted("two blue stars"))
    assert not judge.score(three, wanted("four blue stars"))


def test_a_reading_names_everything_where_it_is(judge: Judge) -> None:
    scene = Scene((Thing(Kind("heart", "pink", "large"), 0.3, 0.35), Thing(Kind("cross", "green"), 0.75, 0.7)))
    reading = judge.read(draw(scene, 48))
    assert agrees(reading, scene)
    assert [thing.kind for thing in reading.things] == [thing.kind for thing in scene.things]
    assert [thing.cell for thing in reading.things] == [(1, 0), (2, 2)]
    moved = Scene((scene.things[0], Thing(Kind("cross", "green"), 0.65, 0.7)))
    assert not agrees(reading, moved)


def shapeless(side: int) -> dict[str, torch.Tensor]:
    """Pictures of nothing that models draw before they have learned anything."""
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(8, 3, 6, 6, generator=rng) * 2 - 1
    half = torch.ones(8, 3, side, side)
    half[..., : side // 2] = -1
    return {
        "uniform noise": torch.rand(8, 3, side, side, generator=rng) * 2 - 1,
        "faint noise": (torch.randn(8, 3, side, side, generator=rng) * 0.3 + 0.8).clamp(-1, 1),
        "clouds": torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(-1, 1),
        "patchwork": torch.nn.functional.interpolate(coarse, (side, side)),
        "half black": half,
    }


def test_nothing_and_noise_and_patchwork_satisfy_no_prompt(judge: Judge) -> None:
    assert judge.read_many(torch.ones(1, 3, 48, 48)) == [Reading(())]
    asked = [one for category in CATEGORIES for _, one in prompts(category, 24)]
    for what, pictures in shapeless(48).items():
        for reading in judge.read_many(pictures):
            assert reading.nameless, what
            assert not any(reading.meets(one) for one in asked), (what, reading.things)


def test_things_of_two_colours_mostly_have_no_name(judge: Judge) -> None:
    alone = [as_tensor([draw(Scene((Thing(Kind("square", hue, "large"), 0.5, 0.5),)), 48)]) for hue in COLOURS]
    mixed = [torch.cat([a[..., :24], b[..., 24:]], dim=3) for a in alone for b in alone if a is not b]
    assert sum(not reading.things for reading in judge.read_many(torch.cat(mixed))) > len(mixed) / 2
    assert all(reading.things for reading in judge.read_many(torch.cat(alone)))


def test_sprites_are_read_at_the_size_of_comparisons() -> None:
    emoji = VOCABULARIES["emoji"]
    judge = Judge(emoji, train_reader(emoji, replace(SHORT, sides=(32,))))
    for one in accuracy(judge.read_many, emoji, n=50, sides=(32,))["clean"]:
        assert min(one.yes, one.no) >= 0.98, one
        assert one.reads >= 0.98 or one.category == "level_4", one


def test_one_reading_does_not_depend_on_the_others_nor_on_the_form_of_the_picture(judge: Judge) -> None:
    rng = Random(7)
    pictures = [draw(showing(one, SHAPES, rng), 48) for _, one in prompts("colour_attribution", 70)]
    floats = as_tensor(pictures)
    together = judge.read_many(floats)
    assert together == judge.read_many(pictures)
    assert together == judge.read_many(((floats + 1) * 127.5).round().byte())
    assert together[66] == judge.read(pictures[66]) == judge.read(floats[66])


def test_a_report_counts_by_category_and_shows_the_judge_itself(judge: Judge) -> None:
    rng = Random(3)
    asked = [one for category in ("colours", "counting") for _, one in prompts(category, 6, seed=2)]
    pictures = [draw(showing(one, SHAPES, rng), 48) for one in asked]
    report = judge.report([*pictures[:6], *reversed([Image.new("RGB", (48, 48), "white")] * 6)], asked)
    content = json.loads(json.dumps(report.to_json()))
    assert content["categories"]["colours"]["right"] == content["categories"]["colours"]["n"] == 6
    assert content["categories"]["counting"]["rate"] == 0
    assert content["overall"] == 0.5
    assert content["exact"]["right"] == 6
    assert content["judge"]["clean"][0].keys() == {"category", "n", "reads", "yes", "no"}
    assert "colours 6/6" in str(report)
    assert "judge right on" in str(report)


def test_a_report_tells_the_judges_accuracy_at_the_size_of_the_pictures() -> None:
    judge = Judge(SHAPES, train_reader(SHAPES, TINY), examined=1)
    (_, one), *_ = prompts("counting", 1)
    report = judge.report([Image.new("RGB", (32, 40), "white")], [one])
    assert list(judge.known) == [32] and report.accuracy == judge.known[32]
    assert report.trust == next(row.reads for row in report.accuracy["clean"] if row.category == "counting")


def test_what_cannot_be_judged_says_why(judge: Judge) -> None:
    with pytest.raises(ShapeError, match="1 pictures but 0 expectations"):
        judge.report([Image.new("RGB", (48, 48))], [])
    with pytest.raises(ShapeError, match=r"2 sizes, such as \(48, 48\) and \(64, 64\)"):
        judge.read_many([Image.new("RGB", (side, side)) for side in (48, 64)])
    with pytest.raises(ShapeError, match="no picture"):
        judge.read_many([])


def test_it_is_trained_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path))
    first = load_judge("shapes", TINY)
    again = train_reader(SHAPES, TINY)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), first.reader.parameters(), strict=True))
    monkeypatch.setattr(judge_module, "train_reader", lambda *_: pytest.fail("it was trained again"))
    second = load_judge("shapes", TINY)
    assert second.accuracy(32) == first.accuracy(32)
    assert all(torch.equal(a, b) for a, b in zip(second.reader.parameters(), first.reader.parameters(), strict=True))
