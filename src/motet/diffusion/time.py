"""Diffusion times: how training draws them, how sampling visits them, how a network reads them."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

TimeDensity = Literal["uniform", "logit_normal"]


def draw_times(shape: tuple[int, ...], density: TimeDensity, rng: torch.Generator) -> Float[Tensor, "..."]:
    """Training times in (0, 1): uniform, or the sigmoid of a standard normal (Esser et al. 2024)."""
    if density == "uniform":
        return torch.rand(shape, generator=rng)
    return torch.randn(shape, generator=rng).sigmoid()


def visit_times(steps: int) -> list[float]:
    """``steps + 1`` evenly spaced times from 0 (noise) to 1 (data)."""
    return [i / steps for i in range(steps + 1)]


def sinusoid(t: Float[Tensor, "*k"], size: int, *, scale: float = 1000.0) -> Float[Tensor, "*k s"]:
    """``[cos, sin]`` of ``scale * t`` at ``size / 2`` frequencies from 1 to 1/10000, always in fp32.

    Low precision before the sinusoid merges neighbouring times (bf16 cannot hold integers above 256).
    """
    half = size // 2
    frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angle = t.float()[..., None] * scale * frequencies
    return torch.cat([angle.cos(), angle.sin()], -1)
