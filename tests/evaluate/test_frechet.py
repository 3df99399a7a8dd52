"""Frechet and kernel distances against closed forms and slow references."""

import pytest
import torch
from torch import Tensor

from motet.errors import DataError
from motet.evaluate.frechet import frechet_distance, kernel_distance


def with_moments(n: int, mean: Tensor, root: Tensor, seed: int) -> Tensor:
    """`n` rows whose sample mean and covariance are exactly `mean` and `root @ root.T`."""
    x = torch.randn(n, len(mean), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    x = x - x.mean(0)
    whitening = torch.linalg.inv(torch.linalg.cholesky(x.T @ x / (n - 1)))
    return x @ whitening.T @ root.T + mean


def test_gaussians_with_diagonal_covariances_have_the_closed_form_distance() -> None:
    a, b = torch.tensor([0.0, 1.0, 2.0]).double(), torch.tensor([1.0, 1.0, -1.0]).double()
    s, r = torch.tensor([1.0, 2.0, 0.5]).double(), torch.tensor([3.0, 2.0, 1.0]).double()
    distance = frechet_distance(with_moments(200, a, s.diag(), 0), with_moments(300, b, r.diag(), 1))
    assert distance == pytest.approx(float((a - b).square().sum() + (s - r).square().sum()), rel=1e-6)


def test_the_distance_of_few_rows_in_many_dimensions_equals_that_by_the_nuclear_norm() -> None:
    """tr (C_a C_b)^(1/2) is the sum of singular values of A B^T for centred A, B: no root of a singular matrix."""
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(30, 80, generator=rng).double(), torch.randn(40, 80, generator=rng).double() * 2 + 0.3
    x, y = (a - a.mean(0)) / 29**0.5, (b - b.mean(0)) / 39**0.5
    cross = torch.linalg.matrix_norm(x @ y.T, "nuc")
    expected = (a.mean(0) - b.mean(0)).square().sum() + x.square().sum() + y.square().sum() - 2 * cross
    assert frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-5)


def test_identical_sets_are_at_no_distance() -> None:
    features = torch.randn(50, 20, generator=torch.Generator().manual_seed(0))
    assert 0 <= frechet_distance(features, features.flip(0)) < 1e-3


def test_the_kernel_distance_equals_the_double_sum_of_its_definition() -> None:
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(6, 4, generator=rng), torch.randn(6, 4, generator=rng) + 1

    def k(x: Tensor, y: Tensor) -> float:
        return (float(x.double() @ y.double()) / 4 + 1) ** 3

    within = sum(k(s[i], s[j]) for s in (a, b) for i in range(6) for j in range(6) if i != j) / 30
    between = sum(k(x, y) for x in a for y in b) / 36
    distance = kernel_distance(a, b)  # fewer rows than a subset: every subset is the whole
    assert distance.mean == pytest.approx(within - 2 * between, rel=1e-9)
    assert distance.std < 1e-9


def test_the_kernel_distance_of_one_distribution_is_nought_within_its_spread() -> None:
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(400, 8, generator=rng), torch.randn(400, 8, generator=rng)
    near, far = kernel_distance(a, b, subset=100), kernel_distance(a, b + 0.5, subset=100)
    assert abs(near.mean) < near.std
    assert far.mean > 3 * far.std


def test_the_kernel_distance_leaves_the_global_random_state_alone_and_obeys_its_seed() -> None:
    features = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    state = torch.random.get_rng_state()
    first = kernel_distance(features[:30], features[30:], subset=10, seed=1)
    assert torch.equal(state, torch.random.get_rng_state())
    assert first == kernel_distance(features[:30], features[30:], subset=10, seed=1)
    assert first != kernel_distance(features[:30], features[30:], subset=10, seed=2)


@pytest.mark.parametrize("bad", [torch.zeros(1, 3), torch.full((4, 3), float("nan"))])
def test_sets_that_are_too_small_or_not_finite_are_refused(bad: Tensor) -> None:
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(DataError):
            distance(bad, torch.randn(4, 3))
