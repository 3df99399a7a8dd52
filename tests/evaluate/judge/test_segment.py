import numpy as np
import torch

from motet.data.scenes.draw import draw
from motet.data.scenes.scene import Ground, Kind, Scene, Thing
from motet.evaluate.judge.degrade import as_jpeg, blurred, degraded
from motet.evaluate.judge.reader import as_tensor
from motet.evaluate.judge.segment import connected, find, highest_near


def flooded(mask: np.ndarray) -> int:
    """How many parts a mask has, by filling one after the other."""
    left, parts = {tuple(at) for at in np.argwhere(mask)}, 0
    while left:
        parts += 1
        edge = [left.pop()]
        while edge:
            y, x = edge.pop()
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            edge += near
    return parts


def test_connected_parts_are_those_that_flooding_finds() -> None:
    rng = torch.Generator().manual_seed(0)
    mask = torch.rand(6, 20, 24, generator=rng) < torch.tensor([0.1, 0.2, 0.3, 0.4, 0.6, 1.0])[:, None, None]
    labels = connected(mask)
    assert torch.equal(labels >= 0, mask)
    for i in range(6):
        assert len(labels[i][mask[i]].unique()) == flooded(mask[i].numpy())
    y, x = mask[:, :, :-1].logical_and(mask[:, :, 1:]), labels[:, :, :-1] == labels[:, :, 1:]
    assert bool(x[y].all())
    assert len(labels[mask].unique()) == sum(flooded(one.numpy()) for one in mask)


def test_the_highest_near_is_that_of_a_pool() -> None:
    values = torch.rand(3, 9, 11, generator=torch.Generator().manual_seed(0))
    assert torch.equal(highest_near(values), torch.nn.functional.max_pool2d(values[:, None], 3, 1, 1)[:, 0])


def test_things_are_found_where_they_are() -> None:
    things = (Thing(Kind("star", "red"), 0.25, 0.3), Thing(Kind("ring", "black", "large"), 0.7, 0.65))
    scene = Scene(things, Ground((208, 224, 240), "stripes", 3))
    for side in (48, 64, 96):
        found = find(as_tensor([draw(Scene(()), side), draw(scene, side)]))
        assert found.picture.tolist() == [1, 1]
        order = found.x.argsort()
        for thing, i in zip(things, order, strict=True):
            assert abs(float(found.x[i]) - thing.x) < 0.03
            assert abs(float(found.y[i]) - thing.y) < 0.03
            assert abs(float(found.extent[i]) - thing.extent) < 0.05


def test_a_crop_shows_one_thing_in_its_colours_and_nothing_of_its_neighbour() -> None:
    scene = Scene((Thing(Kind("square", "red", "small"), 0.3, 0.5), Thing(Kind("square", "blue", "small"), 0.56, 0.5)))
    found = find(as_tensor([draw(scene, 48)]))
    crop = found.crops[int(found.x.argmin())]
    assert float(crop[0, 8, 8]) > 0.95
    assert torch.allclose(crop[1:, 8, 8], torch.tensor([208, 30, 40]) / 255, atol=0.02)
    assert float(crop[0, :, 0].max()) < 0.3
    assert float(crop[3].max()) < 0.3


def test_a_picture_of_noise_or_of_nothing_does_not_stop_it() -> None:
    noise = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = find(noise)
    assert found.picture.tolist() == [0, 1], "one piece each"
    assert found.extent.tolist() == [1, 1], "from border to border"
    assert len(find(torch.zeros(2, 3, 48, 48))) == 0


def test_blur_spreads_keeps_the_mean_and_grows_with_its_width() -> None:
    dot = torch.zeros(3, 3, 15, 15)
    dot[:, :, 7, 7] = 1
    soft = blurred(dot, torch.tensor([0.0, 0.5, 1.5]))
    assert torch.allclose(soft[0], dot[0], atol=1e-6)
    assert torch.allclose(soft.sum((2, 3)), torch.ones(3, 3), atol=1e-5)
    assert 1 > float(soft[1, 0, 7, 7]) > float(soft[2, 0, 7, 7])
    assert torch.allclose(soft[2, 0], soft[2, 0].T)


def test_degrading_changes_a_picture_a_little_and_depends_on_the_generator_alone() -> None:
    pictures = as_tensor([draw(Scene((Thing(Kind("heart", "pink"), 0.5, 0.5),)), 48)] * 6)
    one, same = (degraded(pictures, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(one, same)
    change = (one - pictures).abs().mean((1, 2, 3))
    assert bool((change > 0.005).all())
    assert bool((change < 0.2).all())
    assert float((as_jpeg(pictures[0], 90) - pictures[0]).abs().mean()) < 0.05
