"""Rotary positions against complex numbers."""

import math

import pytest
import torch
from torch import Tensor

from motet.errors import ShapeError
from motet.nn.rope import MixedRope, Rope, rotate


def by_complex_numbers(x: Tensor, pos: Tensor, axes: tuple[int, ...], theta: float) -> Tensor:
    """Pair j is the complex number x[j] + i x[j + e/2], multiplied by exp(i pos frequency)."""
    half = x.shape[-1] // 2
    out = x.double().clone()
    pairs = [(axis, 2 * j / n) for axis, n in enumerate(axes) for j in range(n // 2)]
    for row in range(x.shape[0]):
        for token in range(x.shape[2]):
            for j, (axis, exponent) in enumerate(pairs):
                angle = pos[row, token, axis].double() * theta**-exponent
                turn = torch.complex(angle.cos(), angle.sin())
                z = torch.complex(x[row, :, token, j].double(), x[row, :, token, j + half].double()) * turn
                out[row, :, token, j], out[row, :, token, j + half] = z.real, z.imag
    return out


@pytest.mark.parametrize("axes", [(12,), (4, 0, 4, 4), (6, 2, 2, 2), (0, 0, 6, 6)])
def test_rotation_is_a_complex_product_on_every_axis(axes: tuple[int, ...]):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 5, 12, generator=rng)
    pos = torch.randint(0, 50, (2, 5, 4), generator=rng)
    turned = rotate(x, Rope(12, theta=100.0, axes=axes)(pos))
    torch.testing.assert_close(turned.double(), by_complex_numbers(x, pos, axes, 100.0), atol=1e-5, rtol=0)


@pytest.mark.parametrize("axis", range(4))
def test_scores_depend_on_position_differences_alone_on_every_axis(axis: int):
    rng = torch.Generator().manual_seed(1)
    q, k = torch.randn(1, 2, 3, 16, generator=rng), torch.randn(1, 2, 3, 16, generator=rng)
    rope = Rope(16, axes=(4, 4, 4, 4))
    q_pos, k_pos = torch.randint(0, 9, (1, 3, 4), generator=rng), torch.randint(0, 9, (1, 3, 4), generator=rng)

    def scores(moved_q: int, moved_k: int) -> Tensor:
        shift = torch.zeros(4, dtype=torch.long)
        shift[axis] = 1
        turned_q = rotate(q, rope(q_pos + moved_q * shift))
        return turned_q @ rotate(k, rope(k_pos + moved_k * shift)).transpose(-1, -2)

    torch.testing.assert_close(scores(7, 7), scores(0, 0), atol=1e-5, rtol=0)
    assert (scores(7, 0) - scores(0, 0)).abs().max() > 0.1, "a difference must matter"


def test_the_axes_that_own_no_channel_do_not_matter():
    rope = Rope(8, axes=(4, 0, 4, 0))
    pos = torch.tensor([[[3, 0, 2, 0]]])
    other = torch.tensor([[[3, 9, 2, 9]]])
    assert torch.equal(rope(pos).cos, rope(other).cos)


@pytest.mark.parametrize("axes", [(4, 2), (3, 5), (2, 2, 2, 1, 1), (2, 2, 2, 0, 2)])
def test_axes_that_do_not_make_up_the_head_are_refused(axes: tuple[int, ...]):
    with pytest.raises(ShapeError, match="rope axes"):
        Rope(8, axes=axes)


def test_rotation_keeps_the_dtype_of_what_it_turns():
    x = torch.randn(1, 1, 2, 8).bfloat16()
    assert rotate(x, Rope(8)(torch.arange(8).view(1, 2, 4))).dtype == torch.bfloat16


def test_mixed_rope_is_the_published_code_of_acdit_channel_by_channel():
    """Two axes of four channels each: channel j of the first half pairs with j + 4, which another axis turns."""
    x = torch.randn(1, 1, 1, 8)
    row, column = 3, 5
    low, high = 1.0, 1 / 100.0  # exponents 0 and 1, both ends included
    angle = [row * low, row * high, row * low, row * high, column * low, column * high, column * low, column * high]
    turned = rotate(x, MixedRope(8, theta=100.0, axes=(0, 0, 4, 4))(torch.tensor([[[9, 9, row, column]]])))
    for j in range(8):
        partner = -x[0, 0, 0, j + 4] if j < 4 else x[0, 0, 0, j - 4]
        expected = float(x[0, 0, 0, j]) * math.cos(angle[j]) + float(partner) * math.sin(angle[j])
        assert float(turned[0, 0, 0, j]) == pytest.approx(expected, abs=1e-5)


def test_mixed_rope_keeps_neither_lengths_nor_offsets_as_acdits_sheet_warns():
    x = torch.ones(1, 1, 2, 8)
    pos = torch.tensor([[[0, 0, 2, 7], [0, 0, 3, 8]]])
    mixed, axial = MixedRope(8, axes=(0, 0, 4, 4)), Rope(8, axes=(0, 0, 4, 4))
    assert (rotate(x, mixed(pos)).norm(dim=-1) - 8**0.5).abs().max() > 0.1
    torch.testing.assert_close(rotate(x, axial(pos)).norm(dim=-1), torch.full((1, 1, 2), 8**0.5))
