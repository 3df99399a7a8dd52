"""Rotary positions over any number of axes.

Pair (j, j + e/2) of a head's channels turns by ``pos[axis_j] * frequency_j``. One axis gives the RoPE of Llama (Su et
al. 2021, in its split-half form); several give the axial form, in which each axis owns some of the pairs. Each pair
turns in its own plane, so scores depend on position differences only, on every axis.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from motet.errors import ShapeError
from motet.types import N_AXES


class Rotation(NamedTuple):
    """Cosines and sines of every token's angles, ``[b, 1, t, e]``; the sine's first half carries the minus sign."""

    cos: Tensor
    sin: Tensor


class Rope(nn.Module):
    """Angles for ``head_dim`` channels; ``axes`` says how many of them each position axis owns."""

    frequencies: Tensor
    axis: Tensor

    def __init__(self, head_dim: int, *, theta: float = 10000.0, axes: tuple[int, ...] = ()):
        super().__init__()
        axes = axes or (head_dim,)
        if sum(axes) != head_dim or any(n % 2 for n in axes) or len(axes) > N_AXES:
            raise ShapeError(
                f"rope axes {axes} must be at most {N_AXES} even numbers whose sum is the head dimension {head_dim}"
            )
        frequencies = [theta ** -(torch.arange(0, n, 2, dtype=torch.float64) / n) for n in axes if n]
        owner = [torch.full((n // 2,), axis, dtype=torch.long) for axis, n in enumerate(axes) if n]
        self.register_buffer("frequencies", torch.cat(frequencies).float(), persistent=False)
        self.register_buffer("axis", torch.cat(owner), persistent=False)

    def forward(self, pos: Int[Tensor, "b t a"]) -> Rotation:
        angle = pos[..., self.axis].float() * self.frequencies
        cos, sin = angle.cos(), angle.sin()
        return Rotation(torch.cat([cos, cos], -1)[:, None], torch.cat([-sin, sin], -1)[:, None])


def rotate(x: Float[Tensor, "b h t e"], rotation: Rotation) -> Float[Tensor, "b h t e"]:
    """``x`` with every pair of channels turned by its angle."""
    swapped = x.roll(x.shape[-1] // 2, -1)
    return (x * rotation.cos + swapped * rotation.sin).to(x.dtype)
