"""The learning rate over time: a linear warm-up in steps, times a shape over the progress through the budget.

Both are pure functions. Progress is in [0, 1], so one schedule serves budgets in steps and in minutes.
"""

import math

from motet.train.settings import TrainSettings


def warm_up(step: int, steps: int) -> float:
    """Linear from 1/steps at step 0 to 1 at step `steps - 1`; then 1."""
    return min(1.0, (step + 1) / steps) if steps else 1.0


def cosine(progress: float, floor: float) -> float:
    """Half a cosine from 1 to `floor` (Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5)."""
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def wsd(progress: float, floor: float, *, cooldown: float) -> float:
    """1, then linear to `floor` over the last `cooldown` of the budget (Hu et al. 2024, arXiv:2404.06395)."""
    return floor + (1 - floor) * min(1.0, (1 - progress) / cooldown)


def learning_rate(settings: TrainSettings, step: int, progress: float) -> float:
    """The learning rate of the step that follows `step` completed ones."""
    if settings.schedule == "cosine":
        shape = cosine(progress, settings.floor)
    else:
        shape = wsd(progress, settings.floor, cooldown=0.2 if settings.cooldown is None else settings.cooldown)
    return settings.lr * warm_up(step, settings.warmup) * shape
