"""Solvers, against data whose best denoiser is known in closed form."""

import math

import pytest
import torch
from torch import Tensor

from motet.diffusion.path import PATHS, Path, Point
from motet.diffusion.solver import SOLVERS, solve
from motet.diffusion.time import visit_times

MEAN, SPREAD = 0.7, 0.5


def scales(path: Path, t: float) -> tuple[float, float]:
    time = torch.tensor(t, dtype=torch.float64)
    return float(path.alpha(time)), float(path.sigma(time))


def gaussian(path: Path):
    """E[x | x_t] and E[e | x_t] for x ~ N(MEAN, SPREAD^2)."""

    def denoise(x: Tensor, t: float) -> Point:
        alpha, sigma = scales(path, t)
        away = (x - alpha * MEAN) / (alpha**2 * SPREAD**2 + sigma**2)
        return Point(MEAN + alpha * SPREAD**2 * away, sigma * away)

    return denoise


def mixture(path: Path):
    """The same for two modes at -1 and 1 with a spread of 0.15, the right one three times as heavy."""
    modes, weights, spread = torch.tensor([-1.0, 1.0]).double(), torch.tensor([0.25, 0.75]).double(), 0.15

    def denoise(x: Tensor, t: float) -> Point:
        alpha, sigma = scales(path, t)
        variance = alpha**2 * spread**2 + sigma**2
        away = (x - alpha * modes) / variance
        share = (weights.log() - 0.5 * away**2 * variance).softmax(-1)
        return Point(
            (share * (modes + alpha * spread**2 * away)).sum(-1, keepdim=True),
            (share * sigma * away).sum(-1, keepdim=True),
        )

    return denoise


def sampled(name: str, path: Path, steps: int, x: Tensor, denoise) -> Tensor:
    noise = torch.randn(steps, *x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return solve(SOLVERS[name](x, visit_times(steps), path, noise), denoise)


def error(name: str, path: Path, steps: int) -> float:
    """Worst error of deterministic sampling: the flow carries noise z to MEAN + SPREAD z."""
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    return float((sampled(name, path, steps, z, gaussian(path)) - (MEAN + SPREAD * z)).abs().max())


@pytest.mark.parametrize("name", ["euler", "heun", "ddim", "dpmpp_2m"])
@pytest.mark.parametrize("path", PATHS)
def test_deterministic_solvers_converge_to_the_exact_flow_of_a_gaussian(path: str, name: str):
    assert error(name, PATHS[path](), 400) < 6e-3


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("ddim", 1), ("heun", 2), ("dpmpp_2m", 2)])
@pytest.mark.parametrize("path", PATHS)
def test_the_error_falls_with_the_order_of_the_solver(path: str, name: str, order: int):
    """Even times make dpmpp_2m's first and last steps long in log-snr: its error is h^2 log(1/h), a little slower."""
    coarse, fine = error(name, PATHS[path](), 512), error(name, PATHS[path](), 2048)
    assert order - 0.3 < math.log(coarse / fine) / math.log(4) < order + 0.3


@pytest.mark.parametrize("path", PATHS)
def test_second_order_solvers_beat_first_order_ones_at_equal_steps(path: str):
    for name in ("heun", "dpmpp_2m"):
        assert error(name, PATHS[path](), 32) < 0.5 * error("euler", PATHS[path](), 32)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("path", PATHS)
def test_samples_have_the_mean_and_the_spread_of_the_data(path: str, name: str):
    x = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    made = sampled(name, PATHS[path](), 400, x, gaussian(PATHS[path]()))
    assert float(made.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(made.std()) == pytest.approx(SPREAD, abs=0.02)


def distance(made: Tensor) -> float:
    """Wasserstein-1 distance to the mixture, by sorting as many exact samples."""
    rng = torch.Generator().manual_seed(2)
    right = torch.arange(len(made)) >= len(made) // 4
    true = torch.where(right, 1.0, -1.0) + 0.15 * torch.randn(len(made), generator=rng)
    return float((made[:, 0].sort().values - true.sort().values).abs().mean())


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("path", PATHS)
def test_two_modes_are_met_ever_more_closely(path: str, name: str):
    x = torch.randn(4_000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    far, mid, near = (distance(sampled(name, PATHS[path](), n, x, mixture(PATHS[path]()))) for n in (2, 8, 64))
    assert far > mid > near and near < 0.06


def test_ancestral_sampling_draws_from_the_posterior_of_ddpm():
    """One step from s to t against Bayes' rule: q(x_t | x_s, x) is Gaussian with precision-weighted mean."""
    path = PATHS["cosine"]()
    now, then, x0 = 0.4, 0.6, 1.3
    (a_now, s_now), (a_then, s_then) = scales(path, now), scales(path, then)
    x_now = torch.full((40_000, 1), 0.2, dtype=torch.float64)

    def knows(x: Tensor, t: float) -> Point:
        alpha, sigma = scales(path, t)
        return Point(torch.full_like(x, x0), (x - alpha * x0) / sigma)

    noise = torch.randn(1, 40_000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    made = solve(SOLVERS["ancestral"](x_now, [now, then], path, noise), knows)
    # x_now = r x_then + sqrt(s_now^2 - r^2 s_then^2) e with r = a_now / a_then; the prior is N(a_then x0, s_then^2)
    r = a_now / a_then
    forward = s_now**2 - r**2 * s_then**2
    precision = 1 / s_then**2 + r**2 / forward
    mean = (a_then * x0 / s_then**2 + r * 0.2 / forward) / precision
    assert float(made.mean()) == pytest.approx(mean, abs=0.01)
    assert float(made.var()) == pytest.approx(1 / precision, rel=0.03)


@pytest.mark.parametrize("name", SOLVERS)
def test_one_step_gives_the_data_estimate_of_pure_noise(name: str):
    path = PATHS["straight"]()
    x = torch.randn(5, 1, dtype=torch.float64)
    made = sampled(name, path, 1, x, gaussian(path))
    torch.testing.assert_close(made, gaussian(path)(x, 0.0).x)
