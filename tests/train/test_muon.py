"""Muon against torch's own in bf16, and against the iterations as they are written, in fp64, in fp32."""

import copy

import pytest
import torch
from torch import Tensor, nn

from motet.train.muon import ITERATIONS, A, B, C, Muon, orthogonalise


def plainly(matrix: Tensor) -> Tensor:
    """The iterations in fp64 on the matrix itself."""
    x = matrix.double() / matrix.double().norm()
    x = x.T if matrix.shape[0] > matrix.shape[1] else x
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = A * x + B * gram @ x + C * gram @ gram @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


@pytest.mark.parametrize("shape", [(24, 24), (16, 48), (48, 16), (1, 5)])
def test_the_way_over_the_gram_matrix_leads_to_the_same(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(orthogonalise(matrix, bf16=False).double(), plainly(matrix), atol=1e-5, rtol=1e-4)


def test_a_matrix_of_low_rank_stays_finite_and_of_that_rank() -> None:
    rng = torch.Generator().manual_seed(1)
    matrix = torch.randn(64, 3, generator=rng) @ torch.randn(3, 96, generator=rng)
    found = orthogonalise(matrix, bf16=False)
    torch.testing.assert_close(found.double(), plainly(matrix), atol=1e-4, rtol=1e-3)
    values = torch.linalg.svdvals(found)
    assert values[2] > 0.6 and values[3] < 1e-3


def test_a_gradient_of_zeros_moves_nothing() -> None:
    for bf16 in (False, True):
        assert not orthogonalise(torch.zeros(4, 6), bf16=bf16).any()


@pytest.mark.parametrize("bf16", [True, False])
def test_it_walks_as_the_library_does(bf16: bool) -> None:
    """The library multiplies in bf16: to the bit in bf16, to bf16's precision in fp32."""
    rng = torch.Generator().manual_seed(2)
    mine = [nn.Parameter(torch.randn(shape, generator=rng)) for shape in ((12, 8), (8, 12), (8, 8))]
    theirs = copy.deepcopy(mine)
    muon = Muon(mine, lr=0.01, weight_decay=0.1)
    muon.param_groups[0]["bf16"] = bf16
    library = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(4):
        for one, other in zip(mine, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=rng)
            other.grad = one.grad.clone()
        muon.step()
        library.step()
    for one, other in zip(mine, theirs, strict=True):
        exact = {"atol": 0, "rtol": 0} if bf16 else {"atol": 1e-3, "rtol": 0}
        torch.testing.assert_close(one, other, **exact)
