"""Paths from noise to data, and the four things that a network may predict along them.

A path mixes data ``x`` and noise ``e`` into ``x_t = alpha(t) x + sigma(t) e`` with t from 0 (noise) to 1 (data). At
any t the pair (x, e) and each prediction target are linear in each other, so every target converts into every other:

    x0        x                               (the data)
    epsilon   e                               (Ho et al. 2020)
    v         alpha e - sigma x               (Salimans and Ho 2022; the sign of LatentLM's code)
    flow      alpha' x + sigma' e = dx_t/dt   (Lipman et al. 2023; x - e on the straight path)
"""

import math
from abc import ABC, abstractmethod
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from motet.errors import ConfigError

Target = Literal["x0", "epsilon", "v", "flow"]


class Point(NamedTuple):
    """Data and noise estimates at one time."""

    x: Tensor
    e: Tensor


class Path(ABC):
    """The signal and noise scales of a diffusion."""

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Scale of the data; 0 at t = 0, 1 at t = 1."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Scale of the noise; 1 at t = 0, 0 at t = 1."""

    @abstractmethod
    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Time derivatives of alpha and sigma."""

    def mix(self, x: Float[Tensor, "*k c"], e: Float[Tensor, "*k c"], t: Float[Tensor, "*k"]) -> Float[Tensor, "*k c"]:
        """The noised value at time ``t``."""
        t = t[..., None]
        return self.alpha(t) * x + self.sigma(t) * e


class Straight(Path):
    """Rectified flow (Liu et al. 2023): a straight line at constant speed."""

    def alpha(self, t: Tensor) -> Tensor:
        return t

    def sigma(self, t: Tensor) -> Tensor:
        return 1 - t

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.ones_like(t), -torch.ones_like(t)


class Cosine(Path):
    """Variance-preserving quarter circle; the continuous form of the cosine schedule (Nichol and Dhariwal 2021)."""

    def alpha(self, t: Tensor) -> Tensor:
        return (t * math.pi / 2).sin()

    def sigma(self, t: Tensor) -> Tensor:
        return (t * math.pi / 2).cos()

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return math.pi / 2 * self.sigma(t), -math.pi / 2 * self.alpha(t)


PATHS: dict[str, type[Path]] = {"straight": Straight, "cosine": Cosine}


def _coefficients(path: Path, target: Target, t: Tensor) -> tuple[Tensor, Tensor]:
    """(a, b) of ``target = a x + b e``."""
    if target == "x0":
        return torch.ones_like(t), torch.zeros_like(t)
    if target == "epsilon":
        return torch.zeros_like(t), torch.ones_like(t)
    if target == "v":
        return -path.sigma(t), path.alpha(t)
    if target == "flow":
        return path.slopes(t)
    raise ConfigError(f"unknown prediction target {target!r}; expected one of: {', '.join(get_args(Target))}")


def target_of(path: Path, target: Target, point: Point, t: Float[Tensor, "*k"]) -> Float[Tensor, "*k c"]:
    """The value of a prediction target where data and noise are known."""
    a, b = _coefficients(path, target, t[..., None])
    return a * point.x + b * point.e


def point_of(
    path: Path, target: Target, prediction: Float[Tensor, "*k c"], x_t: Float[Tensor, "*k c"], t: Float[Tensor, "*k"]
) -> Point:
    """Data and noise from a prediction at ``x_t``: solves ``x_t = alpha x + sigma e`` with ``prediction = a x + b e``.

    The two equations coincide for epsilon at pure noise and for x0 at pure data: what the target names is still exact
    there, and the other estimate divides by a scale held at 1e-4, the published amplification of the target's error.
    """
    t = t[..., None]
    alpha, sigma = path.alpha(t), path.sigma(t)
    if target == "epsilon":
        return Point((x_t - sigma * prediction) / alpha.clamp_min(1e-4), prediction)
    if target == "x0":
        return Point(prediction, (x_t - alpha * prediction) / sigma.clamp_min(1e-4))
    a, b = _coefficients(path, target, t)
    determinant = alpha * b - sigma * a
    return Point((b * x_t - sigma * prediction) / determinant, (alpha * prediction - a * x_t) / determinant)


def convert(path: Path, prediction: Tensor, x_t: Tensor, t: Tensor, *, source: Target, target: Target) -> Tensor:
    """One prediction target from another, at the noised value ``x_t`` and time ``t``."""
    return target_of(path, target, point_of(path, source, prediction, x_t, t), t)
