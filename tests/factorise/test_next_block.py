"""Blocks: how grids are cut, how training noises them, and that generation walks the same blocks."""

from typing import Any

import pytest
import torch
from torch import Tensor

from motet.diffusion.guidance import Guidance
from motet.diffusion.path import Point, Straight, target_of
from motet.errors import ConfigError, ShapeError
from motet.factorise.factorisation import Wish
from motet.factorise.next_block import NextBlock, Noising, blocks_of
from motet.heads.diffusion import DiffusionSampling
from motet.heads.velocity import Velocity
from motet.sequence import Append, Draw, Peek, Segment, positions


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(blocks: tuple[Tensor, ...], grid: tuple[int, ...]) -> list[str]:
    """The grid with the number of each token's block."""
    number = torch.empty(len(torch.cat(blocks)), dtype=torch.long)
    for i, block in enumerate(blocks):
        number[block] = i
    return ["".join(map(str, row)) for row in number.view(-1, grid[-1]).tolist()]


def test_a_picture_is_cut_into_a_raster_of_square_tiles_with_raster_order_inside():
    blocks = blocks_of((4, 4), 4)
    assert drawn(blocks, (4, 4)) == ["0011", "0011", "2233", "2233"]
    assert blocks[1].tolist() == [2, 3, 6, 7]


@pytest.mark.parametrize(
    ("grid", "size", "picture"),
    [
        ((4, 4), 2, ["0011", "2233", "4455", "6677"]),
        ((4, 4), 8, ["0000", "0000", "1111", "1111"]),
        ((2, 6), 4, ["001122", "001122"]),
        ((2, 3), None, ["000", "000"]),
        ((2, 3), 1, ["012", "345"]),
        ((2, 4), (2, 1), ["0123", "0123"]),
        ((6,), 3, ["000111"]),
        ((4, 1, 2), 4, ["00", "00", "11", "11"]),
        ((2, 2, 2), 2, ["00", "11", "22", "33"]),
    ],
)
def test_other_sizes_give_the_tile_nearest_to_a_square_or_whole_frames(grid: Any, size: Any, picture: list[str]):
    assert drawn(blocks_of(grid, size), grid) == picture


@pytest.mark.parametrize(
    ("grid", "size"), [((4, 4), 3), ((4, 4), 32), ((6, 6), 16), ((4, 4), (3, 2)), ((4, 4), (2,)), ((2, 2, 2), 6)]
)
def test_blocks_that_do_not_fill_the_grid_are_refused(grid: Any, size: Any):
    with pytest.raises(ShapeError, match="does not divide into blocks"):
        blocks_of(grid, size)


def test_noised_and_clean_copies_alternate_at_one_position_and_each_block_has_a_time_of_its_own():
    values = torch.randn(16, 3)
    spans = NextBlock(3, Noising(), size=4, clean_copy=True).arrange(Segment("image", values, (4, 4)), 7, rng())
    assert len(spans) == 8 and all(span.whole for span in spans)
    pos = positions(16, 7, (4, 4))
    for block, (noised, clean) in zip(blocks_of((4, 4), 4), zip(spans[::2], spans[1::2], strict=True), strict=True):
        assert torch.equal(noised.pos, pos[block]) and torch.equal(clean.pos, pos[block])
        assert not noised.public and clean.public and clean.time is None and clean.predict is None
        assert torch.equal(clean.values, values[block])
        assert noised.time is not None and len(noised.time.unique()) == 1
    times = [float(span.time[0]) for span in spans[::2]]
    assert len(set(times)) == 4


@pytest.mark.parametrize("clean_copy", [False, True])
def test_several_draws_are_private_copies_each_under_a_noise_and_a_time_of_its_own(clean_copy: bool):
    values = torch.randn(8, 3)
    factorise = NextBlock(3, Noising(draws=3), size=4, clean_copy=clean_copy)
    spans = factorise.arrange(Segment("image", values, (2, 4)), 7, rng())
    assert [span.public for span in spans] == 2 * ([False] * 3 + [True] if clean_copy else [False, False, True])
    noised = [span for span in spans if span.time is not None]
    assert len(noised) == 6 and len({float(span.time[0]) for span in noised if span.time is not None}) == 6
    noises = []
    for copy, block in zip(noised, [0, 0, 0, 1, 1, 1], strict=True):
        at = blocks_of((2, 4), 4)[block]
        assert copy.time is not None and torch.equal(copy.pos, positions(8, 7, (2, 4))[at])
        t = copy.time[:, None]
        noises.append((copy.values - t * values[at]) / (1 - t))
    assert all((a - b).abs().min() > 1e-3 for i, a in enumerate(noises) for b in noises[:i])


@pytest.mark.parametrize("target", ["x0", "v", "flow"])
def test_the_target_and_the_noised_value_belong_to_one_noise_and_one_time(target: Any):
    values = torch.randn(9, 3)
    (span,) = NextBlock(3, Noising(target=target)).arrange(Segment("image", values, (3, 3)), 0, rng())
    assert span.public and span.predict is not None and span.predict.by == "self" and span.time is not None
    assert span.predict.at.tolist() == list(range(9)) and len(span.time.unique()) == 1
    t = span.time[:, None]
    noise = (span.values - t * values) / (1 - t)
    expected = target_of(Straight(), target, Point(values, noise), span.time)
    torch.testing.assert_close(span.predict.value, expected, atol=1e-4, rtol=1e-4)


def test_training_times_are_moved_towards_noise_by_the_shift():
    def mean_time(shift: float) -> float:
        arranged = NextBlock(1, Noising(shift=shift), size=1)
        spans = arranged.arrange(Segment("image", torch.zeros(400, 1), (20, 20)), 0, rng())
        return sum(float(span.time[0]) for span in spans) / 400

    assert abs(mean_time(1.0) - 0.5) < 0.05 and mean_time(3.0) < 0.4


def test_a_cap_on_the_noise_keeps_times_near_the_data_and_spreads_them_over_what_is_left():
    arranged = NextBlock(1, Noising(shift=2.0), size=1)

    def times(noise: float) -> Tensor:
        segment = Segment("image", torch.zeros(400, 1), (20, 20), noise=noise)
        return torch.stack([span.time[0] for span in arranged.arrange(segment, 0, rng())])

    assert times(1.0).min() < 0.1
    assert times(0.5).min() >= 0.5
    torch.testing.assert_close(times(0.5), 0.5 + 0.5 * times(1.0))


@pytest.mark.parametrize("clean_copy", [False, True])
def test_a_label_is_known_to_noised_copies_alone(clean_copy: bool):
    label = torch.tensor([5, 6])
    segment = Segment("image", torch.randn(4, 2), (2, 2), label=label)
    spans = NextBlock(2, Noising(), size=2, clean_copy=clean_copy).arrange(segment, 3, rng())
    assert all((span.label is label) == (span.time is not None) for span in spans)


@pytest.mark.parametrize("clean_copy", [False, True])
def test_a_segment_that_is_only_read_is_clean_and_predicts_nothing(clean_copy: bool):
    values = torch.randn(4, 2)
    spans = NextBlock(2, Noising(), size=2, clean_copy=clean_copy).arrange(
        Segment("image", values, (2, 2), learn=False), 3, rng()
    )
    assert torch.equal(torch.cat([span.values for span in spans]), values)
    assert all(span.whole and span.public and span.time is None and span.predict is None for span in spans)


class Oracle:
    """Answers a program's peeks and draws with the true flow towards known values, noting what is asked."""

    def __init__(self, values: Tensor, blocks: tuple[Tensor, ...]):
        self.values = values
        self.blocks = blocks
        self.committed: list[Tensor] = []
        self.scales: list[float] = []
        self.times: list[float] = []
        self.labels: list[list[list[int] | None]] = []

    def run(self, program: Any) -> Tensor:
        asked = next(program)
        while True:
            block = self.blocks[min(len(self.committed), len(self.blocks) - 1)]
            if isinstance(asked, Peek):
                assert asked.span.time is not None and not asked.span.public and asked.span.whole
                x, t = asked.span.values, asked.span.time
                self.times.append(float(t[0]))
                copies = (asked.span, *asked.beside)
                assert all(one.values is x and one.time is t and not one.public for one in copies)
                self.labels.append([None if one.label is None else one.label.tolist() for one in copies])
                reply = torch.zeros(2, len(block), 5)
            elif isinstance(asked, Draw):
                assert asked.noise.shape == (len(block), 0)
                self.scales.append(asked.how.guidance.scale)
                reply = (self.values[block] - x) / (1 - t[:, None])  # the straight line that ends there
            else:
                assert isinstance(asked, Append) and asked.branches is None
                assert asked.span.time is None and asked.span.public and asked.span.whole and asked.span.label is None
                self.committed.append(asked.span.pos)
                torch.testing.assert_close(asked.span.values, self.values[block], atol=1e-5, rtol=1e-5)
                reply = torch.zeros(2, len(block), 5)
            try:
                asked = program.send(reply)
            except StopIteration as end:
                return end.value


def made_by(oracle: Oracle, how: DiffusionSampling, *, size: int | None, label: Tensor | None = None) -> Tensor:
    factorise = NextBlock(3, Noising(), size=size, clean_copy=True)
    wish = Wish("image", (2, 4), 7, how, label=label)
    return oracle.run(factorise.generate(wish, Velocity(5, 3), torch.zeros(2, 1, 5), rng()))


@pytest.mark.parametrize("solver", ["euler", "heun", "ddim", "dpmpp_2m", "ancestral"])
def test_generation_walks_the_blocks_of_training_and_returns_raster_order(solver: Any):
    values, blocks = torch.randn(8, 3), blocks_of((2, 4), 4)
    oracle = Oracle(values, blocks)
    made = made_by(oracle, DiffusionSampling(steps=4, solver=solver), size=4)
    torch.testing.assert_close(made, values, atol=1e-5, rtol=1e-5)
    spans = NextBlock(3, Noising(), size=4).arrange(Segment("image", values, (2, 4)), 7, rng())
    assert [pos.tolist() for pos in oracle.committed] == [span.pos.tolist() for span in spans]


def test_guidance_acts_inside_its_interval_and_a_linear_one_ends_at_full_scale():
    oracle = Oracle(torch.randn(8, 3), blocks_of((2, 4), None))
    how = DiffusionSampling(steps=4, solver="euler", guidance=Guidance(3.0, "linear", (0.3, 0.8)))
    made_by(oracle, how, size=None)
    assert oracle.times == [0.0, 0.25, 0.5, 0.75] and oracle.scales == [1.0, 1.0, 3.0, 3.0]
    oracle = Oracle(torch.randn(8, 3), blocks_of((2, 4), 4))
    made_by(oracle, DiffusionSampling(steps=1, solver="euler", guidance=Guidance(3.0, "linear")), size=4)
    assert oracle.scales == pytest.approx([1 + 2 * 3 / 7, 3.0])


def test_a_label_is_peeked_at_beside_a_copy_without_it_where_guidance_acts():
    values, blocks = torch.randn(8, 3), blocks_of((2, 4), 4)
    how = DiffusionSampling(steps=4, solver="euler", guidance=Guidance(3.0, "constant", (0.3, 0.8)))
    oracle, other = Oracle(values, blocks), Oracle(values, blocks)
    made_by(oracle, how, size=4, label=torch.tensor([5, 6]))
    assert oracle.labels == 2 * [[[5, 6]], [[5, 6]], [[5, 6], None], [[5, 6], None]]
    made_by(other, how, size=4)
    assert other.labels == 8 * [[None]], "without a label the branches are rows"


def test_sampling_visits_times_from_the_start_that_is_asked_for():
    assert Noising(start=0.1).visits(3) == pytest.approx([0.1, 0.4, 0.7, 1.0])
    assert Noising(shift=2.0).visits(2) == pytest.approx([0.0, 1 / 3, 1.0])


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="unknown diffusion path 'bent'"):
        Noising(path="bent")
    with pytest.raises(ConfigError, match="shift is 0"):
        Noising(shift=0.0)
    with pytest.raises(ConfigError, match="start is 1"):
        Noising(start=1.0)
    with pytest.raises(ConfigError, match="draws"):
        Noising(draws=0)
    with pytest.raises(ConfigError, match="sampling cannot begin there"):
        Noising(target="epsilon")
