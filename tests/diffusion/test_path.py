"""Paths and prediction targets: each target turns into each other and back."""

import itertools

import pytest
import torch

from motet.diffusion.path import PATHS, Point, _coefficients, convert, point_of, target_of
from motet.errors import ConfigError

TARGETS = ["x0", "epsilon", "v", "flow"]


def by_definition(path: str, target: str, x: float, e: float, t: float) -> float:
    """The target of one number by its formula; ``flow`` by a finite difference of the path."""

    def at(time: float) -> float:
        time = torch.tensor(time, dtype=torch.float64)
        return float(PATHS[path]().alpha(time)) * x + float(PATHS[path]().sigma(time)) * e

    alpha, sigma = (float(f(torch.tensor(t, dtype=torch.float64))) for f in (PATHS[path]().alpha, PATHS[path]().sigma))
    flow = (at(t + 1e-5) - at(t - 1e-5)) / 2e-5
    return {"x0": x, "epsilon": e, "v": alpha * e - sigma * x, "flow": flow}[target]


@pytest.mark.parametrize("name", PATHS)
def test_a_path_runs_from_noise_at_0_to_data_at_1(name: str):
    path = PATHS[name]()
    x, e = torch.randn(4, 3), torch.randn(4, 3)
    torch.testing.assert_close(path.mix(x, e, torch.zeros(4)), e, atol=1e-6, rtol=0)
    torch.testing.assert_close(path.mix(x, e, torch.ones(4)), x, atol=1e-6, rtol=0)


def test_the_cosine_path_preserves_variance():
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    path = PATHS["cosine"]()
    torch.testing.assert_close(path.alpha(t) ** 2 + path.sigma(t) ** 2, torch.ones(11, dtype=torch.float64))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", PATHS)
def test_a_target_follows_its_formula(name: str, target: str):
    rng = torch.Generator().manual_seed(0)
    x, e = torch.randn(5, 2, generator=rng).double(), torch.randn(5, 2, generator=rng).double()
    t = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9], dtype=torch.float64)
    made = target_of(PATHS[name](), target, Point(x, e), t)
    for i, c in itertools.product(range(5), range(2)):
        expected = by_definition(name, target, float(x[i, c]), float(e[i, c]), float(t[i]))
        assert float(made[i, c]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("source", TARGETS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", PATHS)
def test_every_target_converts_into_every_other(name: str, source: str, target: str):
    path = PATHS[name]()
    rng = torch.Generator().manual_seed(1)
    x, e = torch.randn(7, 3, generator=rng).double(), torch.randn(7, 3, generator=rng).double()
    t = torch.tensor([0.01, 0.2, 0.4, 0.5, 0.6, 0.8, 0.99], dtype=torch.float64)
    given = target_of(path, source, Point(x, e), t)
    made = convert(path, given, path.mix(x, e, t), t, source=source, target=target)
    torch.testing.assert_close(made, target_of(path, target, Point(x, e), t), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("source", TARGETS)
@pytest.mark.parametrize("name", PATHS)
def test_at_the_ends_a_prediction_still_gives_what_it_can_tell(name: str, source: str):
    """Pure noise tells nothing of x from epsilon, nor pure data of e from x0; all else stays exact."""
    path = PATHS[name]()
    x, e = torch.randn(4, 3), torch.randn(4, 3)
    for end in (0.0, 1.0):
        t = torch.full((4,), end)
        point = point_of(path, source, target_of(path, source, Point(x, e), t), path.mix(x, e, t), t)
        if not (source == "epsilon" and end == 0.0):
            torch.testing.assert_close(point.x, x, atol=1e-5, rtol=0)
        if not (source == "x0" and end == 1.0):
            torch.testing.assert_close(point.e, e, atol=1e-5, rtol=0)
        assert point.x.isfinite().all() and point.e.isfinite().all()


def test_an_unknown_target_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ConfigError, match="unknown prediction target 'score'; expected one of: x0, epsilon, v, flow"):
        _coefficients(PATHS["straight"](), "score", torch.zeros(1))  # as a config file could reach it
