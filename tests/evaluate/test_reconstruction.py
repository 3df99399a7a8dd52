"""PSNR against its formula."""

import math
from collections.abc import Callable

import pytest
import torch

from motet.errors import ShapeError
from motet.evaluate.reconstruction import psnr


def test_a_constant_error_has_the_psnr_of_the_formula() -> None:
    a = torch.full((2, 3, 8, 8), 100, dtype=torch.uint8)
    b = torch.stack([a[0] + 5, a[1] - 20])  # -20 would wrap around if the difference were taken in uint8
    expected = [20 * math.log10(255 / 5), 20 * math.log10(255 / 20)]
    assert psnr(a, b).tolist() == pytest.approx(expected)
    assert psnr(b, a).tolist() == pytest.approx(expected)


def test_black_against_white_is_nought_decibels() -> None:
    black = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    assert psnr(black, black + 255).item() == pytest.approx(0)


def test_equal_pictures_get_the_finite_value_of_the_least_difference() -> None:
    a = torch.full((1, 3, 4, 4), 7, dtype=torch.uint8)
    b = a.clone()
    b[0, 0, 0, 0] += 1
    assert psnr(a, a).item() == pytest.approx(psnr(a, b).item())


def test_pictures_are_compared_some_at_a_time_and_as_all_at_once_would_be(
    most_doubles: Callable[[Callable[[], object]], int],
) -> None:
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randint(256, (300, 3, 16, 16), generator=rng).to(torch.uint8) for _ in range(2))
    plain = 10 * (255**2 / (a.double() - b.double()).square().flatten(1).mean(1)).log10()
    torch.testing.assert_close(psnr(a, b), plain, rtol=0, atol=1e-12)
    assert most_doubles(lambda: psnr(a, b)) <= 128 * a[0].numel()


def test_pictures_of_different_sizes_are_refused() -> None:
    with pytest.raises(ShapeError, match="same size"):
        psnr(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
