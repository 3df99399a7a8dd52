"""Solvers: from pure noise to data, as plain generators.

A solver takes the initial noise, increasing times from 0 to 1 and the path; ``ancestral`` also takes fresh noise for
each step. It yields each noised value that it wants looked at, with its scalar time, is sent a ``Point`` (estimates of
data and noise there), and returns the data. So one solver serves a head that answers at once (``solve``) and a sampling
program that has to ask the whole backbone. All of them end at exactly t = 1.
"""

import math
from collections.abc import Callable, Generator, Sequence
from itertools import pairwise
from typing import Literal, Protocol

import torch
from torch import Tensor

from motet.diffusion.path import Path, Point, target_of

Denoise = Callable[[Tensor, float], Point]
SolverName = Literal["euler", "heun", "ddim", "dpmpp_2m", "ancestral"]


Solving = Generator[tuple[Tensor, float], Point, Tensor]
"""A solver at work: yields ``(x_t, t)``, is sent a Point, returns the data."""


class Solver(Protocol):
    def __call__(self, x: Tensor, times: Sequence[float], path: Path, noise: Tensor) -> Solving: ...


def noises(solver: SolverName, steps: int) -> int:
    """How many noises a solver takes: the one that it starts from, and if it is ancestral a fresh one for each step."""
    return 1 + (steps if solver == "ancestral" else 0)


def tempered(noise: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """The start ``[...]`` and the fresh noise ``[s, ...]`` of ``noise [1 + s, ...]``, scaled by a temperature.

    It scales fresh noise where there is some, as in MAR (arXiv 2406.11838), whose sampler is ancestral and starts from
    unscaled noise; any other solver has nothing but its start.
    """
    start, fresh = noise[0], noise[1:]
    return (start, fresh * temperature) if len(fresh) else (start * temperature, fresh)


def solve(solving: Solving, denoise: Denoise) -> Tensor:
    """Runs a solver to its end with a function that answers at once."""
    try:
        x, t = next(solving)
        while True:
            x, t = solving.send(denoise(x, t))
    except StopIteration as end:
        return end.value


def _speed(point: Point, t: float, path: Path) -> Tensor:
    return target_of(path, "flow", point, torch.full(point.x.shape[:-1], t, device=point.x.device))


def _scales(path: Path, t: float) -> tuple[float, float]:
    time = torch.tensor(t, dtype=torch.float64)
    return float(path.alpha(time)), float(path.sigma(time))


def euler(x: Tensor, times: Sequence[float], path: Path, noise: Tensor) -> Solving:
    """First-order steps along ``dx/dt``; ``noise`` is not used."""
    for now, then in pairwise(times):
        x = x + (then - now) * _speed((yield x, now), now, path)
    return x


def heun(x: Tensor, times: Sequence[float], path: Path, noise: Tensor) -> Solving:
    """Second order: the mean of the speeds at both ends of a step (the last step, to clean data, is Euler's)."""
    for now, then in pairwise(times):
        first = _speed((yield x, now), now, path)
        ahead = x + (then - now) * first
        last = first if then == times[-1] else _speed((yield ahead, then), then, path)
        x = x + (then - now) * (first + last) / 2
    return x


def ddim(x: Tensor, times: Sequence[float], path: Path, noise: Tensor) -> Solving:
    """Deterministic DDIM (Song et al. 2021): mix the two estimates again at the next time."""
    for now, then in pairwise(times):
        point = yield x, now
        alpha, sigma = _scales(path, then)
        x = alpha * point.x + sigma * point.e
    return x


def dpmpp_2m(x: Tensor, times: Sequence[float], path: Path, noise: Tensor) -> Solving:
    """DPM-Solver++(2M) (Lu et al. 2022): second-order multistep in data prediction.

    With lambda = log(alpha / sigma), h its step and r the ratio of successive steps, the data estimate is extrapolated
    to ``D = (1 + 1/(2r)) x_i - 1/(2r) x_{i-1}`` and ``x_t = sigma_t/sigma_s x_s - alpha_t (exp(-h) - 1) D``. The first
    step starts where lambda is minus infinity and the last ends where it is infinite: both are first order.
    """
    previous: Tensor | None = None
    step_before = math.inf
    for now, then in pairwise(times):
        (alpha_now, sigma_now), (alpha_then, sigma_then) = _scales(path, now), _scales(path, then)
        data = (yield x, now).x
        if then == times[-1]:
            return data
        # alpha_t (1 - exp(-h)) written without lambda, which is infinite at pure noise
        gain = alpha_then - sigma_then * alpha_now / sigma_now
        if previous is None or alpha_now == 0.0:
            extrapolated, step = data, math.inf
        else:
            step = math.log(alpha_then / sigma_then) - math.log(alpha_now / sigma_now)
            weight = 0.0 if math.isinf(step_before) else step / (2 * step_before)
            extrapolated = (1 + weight) * data - weight * previous
        x = sigma_then / sigma_now * x + gain * extrapolated
        previous, step_before = data, step
    return x


def ancestral(x: Tensor, times: Sequence[float], path: Path, noise: Tensor) -> Solving:
    """Ancestral sampling (Ho et al. 2020): draws from the posterior of x at the next time given both estimates.

    noise: ``[steps, *x.shape]``. With snr ratio rho = (alpha_s sigma_t / (alpha_t sigma_s))^2 between s = now and
    t = then, the posterior keeps the share rho of sigma_t^2 as old noise and redraws 1 - rho.
    """
    for step, (now, then) in enumerate(pairwise(times)):
        point = yield x, now
        (alpha_now, sigma_now), (alpha_then, sigma_then) = _scales(path, now), _scales(path, then)
        kept = (alpha_now * sigma_then / (alpha_then * sigma_now)) ** 2
        x = alpha_then * point.x + sigma_then * (kept**0.5 * point.e + (1 - kept) ** 0.5 * noise[step])
    return x


SOLVERS: dict[str, Solver] = {
    "euler": euler,
    "heun": heun,
    "ddim": ddim,
    "dpmpp_2m": dpmpp_2m,
    "ancestral": ancestral,
}
