"""Times and noises of training: each draw as if it were the only one, several spread out."""

import math

import pytest
import torch

from motet.diffusion.draws import BELOW_ONE, TimeDensity, draw_noise, draw_times


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


DENSITIES = [
    ("uniform", lambda t: t),
    ("logit_normal", lambda t: 0.5 + 0.5 * math.erf(math.log(t / (1 - t)) / 2**0.5)),
]
"""With the share of times below t."""


@pytest.mark.parametrize("draws", [1, 3, 4])
@pytest.mark.parametrize(("density", "below"), DENSITIES)
def test_each_draw_of_times_alone_follows_the_density(density: TimeDensity, below, draws: int):
    times = draw_times(draws, 20_000, density, rng())
    assert times.shape == (draws, 20_000)
    assert times.min() >= 0
    assert times.max() < 1
    for draw in times:
        for t in (0.1, 0.25, 0.5, 0.9):
            assert float((draw < t).float().mean()) == pytest.approx(below(t), abs=0.012)


@pytest.mark.parametrize(("density", "below"), DENSITIES)
def test_the_times_of_one_value_lie_in_different_shares_of_the_density(density: TimeDensity, below):
    times = draw_times(4, 1000, density, rng())
    for one in times.T.tolist():
        assert sorted(int(4 * below(t)) for t in one) == [0, 1, 2, 3]


def test_times_of_different_values_are_independent():
    """What one draw shows of neighbours tells nothing: their shares of the density are drawn one by one."""
    first = draw_times(4, 40_000, "uniform", rng())[0]
    assert abs(float(torch.corrcoef(torch.stack([first[::2], first[1::2]]))[0, 1])) < 0.02


def test_a_time_is_never_1_where_the_noise_would_be_gone():
    top = torch.tensor([3 + BELOW_ONE]) / 4
    assert float(top) == 1.0, "the division rounds up; else this test has no point"
    assert float(top.clamp_max(BELOW_ONE)) < 1.0


def test_every_second_draw_of_noise_is_the_opposite_of_the_first():
    noise = draw_noise(5, (7, 3), rng())
    assert noise.shape == (5, 7, 3)
    assert torch.equal(noise[1], -noise[0])
    assert torch.equal(noise[3], -noise[2])
    assert not torch.equal(noise[2].abs(), noise[0].abs())
    assert not torch.equal(noise[4].abs(), noise[0].abs())


def test_each_draw_of_noise_alone_is_standard_normal():
    for draw in draw_noise(4, (20_000,), rng()):
        assert float(draw.mean()) == pytest.approx(0, abs=0.03)
        assert float(draw.std()) == pytest.approx(1, abs=0.03)
        assert float((draw.abs() < 1).float().mean()) == pytest.approx(0.6827, abs=0.012)


def test_spread_draws_have_the_mean_of_independent_ones_and_vary_less():
    """Of the gradient of a mean square: what the prediction lacks, which turns with the noise and moves with time."""

    def lacking(t: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
        return (t * 2 + (1 - t) * e - 0.5).mean(0)

    n = 40_000
    spread = lacking(draw_times(4, n, "uniform", rng(1)), draw_noise(4, (n,), rng(2)))
    independent = lacking(torch.rand(4, n, generator=rng(3)), torch.randn(4, n, generator=rng(4)))
    assert float(spread.mean()) == pytest.approx(float(independent.mean()), abs=0.01)
    assert float(spread.var()) < 0.3 * float(independent.var())
