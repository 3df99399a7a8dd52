"""Rotary positions over any number of axes.

Pair (j, j + e/2) of a head's channels turns by ``pos[axis_j] * frequency_j``. One axis gives the RoPE of Llama (Su et
al. 2021, in its split-half form); several give the axial form, in which each axis owns some of the pairs. Each pair
turns in its own plane, so scores depend on position differences only, on every axis.
"""

from abc import ABC, abstractmethod
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


class Rotary(nn.Module, ABC):
    """Positions -> angles."""

    @abstractmethod
    def forward(self, pos: Int[Tensor, "b t a"]) -> Rotation: ...


class Rope(Rotary):
    """Angles for ``head_dim`` channels; ``axes`` says how many of them each position axis owns.

    length: what vectors are multiplied by as they turn; 1, unless a stretched model says otherwise (YaRN).
    """

    frequencies: Tensor
    axis: Tensor
    length: float = 1.0

    def __init__(self, head_dim: int, *, theta: float = 10000.0, axes: tuple[int, ...] = ()):
        super().__init__()
        axes = _checked(axes or (head_dim,), head_dim)
        frequencies = [theta ** -(torch.arange(0, n, 2, dtype=torch.float64) / n) for n in axes if n]
        owner = [torch.full((n // 2,), axis, dtype=torch.long) for axis, n in enumerate(axes) if n]
        self.register_buffer("frequencies", torch.cat(frequencies).float(), persistent=False)
        self.register_buffer("axis", torch.cat(owner), persistent=False)

    def forward(self, pos: Int[Tensor, "b t a"]) -> Rotation:
        angle = pos[..., self.axis].float() * self.frequencies
        cos, sin = angle.cos(), angle.sin()
        if self.length != 1.0:
            cos, sin = cos * self.length, sin * self.length
        return Rotation(torch.cat([cos, cos], -1)[:, None], torch.cat([-sin, sin], -1)[:, None])


class MixedRope(Rotary):
    """Rotary positions as ACDiT's published code has them, for weights that were trained with them (arXiv 2412.07720).

    Each axis owns a run of channels ``[j, j + n)``, both halves with the frequencies ``theta^-linspace(0, 1, n / 2)``;
    but pairs are (j, j + e/2) of the whole head, so a pair may turn by the angles of two axes. That is no rotation:
    lengths change, and scores depend on more than differences of positions. New models should use ``Rope``.
    """

    frequencies: Tensor
    axis: Tensor

    def __init__(self, head_dim: int, *, theta: float = 100.0, axes: tuple[int, ...]):
        super().__init__()
        owned = [(axis, n) for axis, n in enumerate(_checked(axes, head_dim)) if n]
        halves = [theta ** -torch.linspace(0, 1, n // 2, dtype=torch.float64) for _, n in owned]
        self.register_buffer("frequencies", torch.cat([half.repeat(2) for half in halves]).float(), persistent=False)
        self.register_buffer("axis", torch.tensor([axis for axis, n in owned for _ in range(n)]), persistent=False)

    def forward(self, pos: Int[Tensor, "b t a"]) -> Rotation:
        angle = pos[..., self.axis].float() * self.frequencies
        first, second = angle.sin().chunk(2, -1)
        return Rotation(angle.cos()[:, None], torch.cat([-first, second], -1)[:, None])


def _checked(axes: tuple[int, ...], head_dim: int) -> tuple[int, ...]:
    if sum(axes) != head_dim or any(n % 2 for n in axes) or len(axes) > N_AXES:
        raise ShapeError(
            f"rope axes {axes} must be at most {N_AXES} even numbers whose sum is the head dimension {head_dim}"
        )
    return axes


def rotate(x: Float[Tensor, "b h t e"], rotation: Rotation) -> Float[Tensor, "b h t e"]:
    """``x`` with every pair of channels turned by its angle, in fp32; both products are rounded, as elsewhere."""
    full = x.float()
    crossed = full.roll(full.shape[-1] // 2, -1)
    return (full * rotation.cos).add_(crossed.mul_(rotation.sin)).to(x.dtype)
