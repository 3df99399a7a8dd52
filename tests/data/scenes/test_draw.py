from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from motet.data.scenes.compose import PLAIN, TINTED, compose
from motet.data.scenes.draw import AMPLITUDE, ScenePicture, draw
from motet.data.scenes.scene import Ground, Kind, Scene, Thing
from motet.data.scenes.vocabulary import COLOURS, SHAPES, SIZES, VOCABULARIES


@pytest.mark.parametrize("side", [48, 64])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fills_its_box_and_is_centred_there(shape: str, size: str, side: int) -> None:
    thing = Thing(Kind(shape, "black", size), 0.43, 0.57)
    covered = (255 - np.asarray(draw(Scene((thing,)), side)).astype(float).mean(2)) / (255 - 31)
    lines = [np.flatnonzero(covered.max(axis) > 0.25) for axis in (0, 1)]
    spans = [(int(line[0]), int(line[-1]) + 1) for line in lines]
    assert max(high - low for low, high in spans) == pytest.approx(thing.extent * side, abs=1.6)
    centre = [(low + high) / 2 / side for low, high in spans]
    assert centre == pytest.approx([thing.x, thing.y], abs=1.1 / side)


def test_shapes_are_drawn_in_their_colours_with_soft_edges() -> None:
    for name, colour in COLOURS.items():
        picture = np.asarray(draw(Scene((Thing(Kind("circle", name, "large"), 0.5, 0.5),)), 48)).reshape(-1, 3)
        seen = {tuple(pixel) for pixel in picture.tolist()}
        assert {colour, (255, 255, 255)} < seen
        assert len(seen) > 6


def test_no_two_colours_and_no_colour_and_ground_can_be_taken_for_each_other() -> None:
    colours = [np.array(colour, float) for colour in COLOURS.values()]
    assert min(np.linalg.norm(a - b) for a in colours for b in colours if a is not b) >= 95
    grounds = [np.array(ground, float) for ground in PLAIN + TINTED]
    assert min(np.linalg.norm(a - b) for a in colours for b in grounds) >= 100


@pytest.mark.parametrize("texture", ["stripes", "checks", "clouds"])
def test_a_texture_is_soft_and_its_own(texture: str) -> None:
    one, same, other = (
        np.asarray(draw(Scene((), Ground((220, 220, 220), texture, s)), 48)).astype(int) for s in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.std() > 1
    assert one.max() <= 220
    assert one.min() >= 220 - 2 * AMPLITUDE - 1


def test_things_stay_apart_and_inside() -> None:
    rng = Random(0)
    for _ in range(120):
        scene, _ = compose(rng.randint(1, 4), VOCABULARIES["shapes"], rng)
        for i, a in enumerate(scene.things):
            assert all(a.extent / 2 <= at <= 1 - a.extent / 2 for at in (a.x, a.y))
            for b in scene.things[:i]:
                assert max(abs(a.x - b.x), abs(a.y - b.y)) > (a.extent + b.extent) / 2


def test_a_scene_looks_the_same_at_every_size() -> None:
    rng = Random(1)
    for level in (1, 2, 3, 4):
        scene, _ = compose(level, VOCABULARIES["shapes"], rng)
        large = np.asarray(draw(scene, 192).reduce(4)).astype(float)
        assert np.abs(large - np.asarray(draw(scene, 48))).mean() < 2


def test_a_picture_is_drawn_when_asked_for_and_not_kept() -> None:
    scene, _ = compose(3, VOCABULARIES["shapes"], Random(2))
    picture, drawn = ScenePicture(scene, 48), draw(scene, 48)
    assert (picture.size, picture.mode) == ((48, 48), "RGB")
    assert picture.tobytes() == drawn.tobytes()
    assert np.array_equal(np.asarray(picture), np.asarray(drawn))
    assert picture.copy().resize((24, 24)).tobytes() == drawn.resize((24, 24)).tobytes()
    assert picture._im is None


def test_what_is_drawn_upon_a_picture_stays() -> None:
    scene, _ = compose(1, VOCABULARIES["shapes"], Random(2))
    picture: Image.Image = ScenePicture(scene, 48)
    ImageDraw.Draw(picture).rectangle((0, 0, 48, 48), fill="red")
    assert picture.getcolors() == [(48 * 48, (255, 0, 0))]
