"""Diffusion times: how they are shifted, how sampling visits them, how a network reads them."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def shifted(t: Any, shift: float) -> Any:
    """Times moved towards noise: ``t / (t + shift (1 - t))`` (Esser et al. 2024, equation 23, with 0 as noise).

    The more channels a value has, the earlier its noised form gives it away, and the less there is to learn or decide
    late.
    """
    return t / (t + shift * (1 - t))


def visit_times(steps: int, *, shift: float = 1.0) -> list[float]:
    """``steps + 1`` times from 0 (noise) to 1 (data), evenly spaced before the shift."""
    return [shifted(i / steps, shift) for i in range(steps + 1)]


def sinusoid(t: Float[Tensor, "*k"], size: int, *, scale: float = 1000.0) -> Float[Tensor, "*k s"]:
    """``[cos, sin]`` of ``scale * t`` at ``size / 2`` frequencies from 1 to 1/10000, always in fp32.

    Low precision before the sinusoid merges neighbouring times (bf16 cannot hold integers above 256).
    """
    half = size // 2
    frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angle = t.float()[..., None] * scale * frequencies
    return torch.cat([angle.cos(), angle.sin()], -1)
