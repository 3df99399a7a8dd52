"""Classifier-free guidance (Ho and Salimans 2022), one formula everywhere: ``u + s (c - u)``."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from motet.errors import ConfigError


@dataclass(frozen=True)
class Guidance:
    """How strongly the condition is followed; ``scale`` 1 is no guidance.

    schedule: "constant", or "linear" from 1 at the first token of a span to ``scale`` at the last (MAR).
    interval: diffusion times between which guidance acts (Kynkaanniemi et al. 2024); outside it the scale is 1.
    """

    scale: float = 1.0
    schedule: Literal["constant", "linear"] = "constant"
    interval: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        low, high = self.interval
        if not 0.0 <= low < high <= 1.0:
            raise ConfigError(f"guidance interval {self.interval} must be two increasing times within 0 and 1")

    @property
    def active(self) -> bool:
        return self.scale != 1.0

    def at(self, progress: float) -> "Guidance":
        """The guidance of a token that stands at ``progress`` (0 first, 1 last) of its span, schedule resolved."""
        scale = self.scale if self.schedule == "constant" else 1.0 + (self.scale - 1.0) * progress
        return Guidance(scale, "constant", self.interval)

    def scale_at(self, t: float) -> float:
        """The scale at a diffusion time."""
        low, high = self.interval
        return self.scale if low <= t <= high else 1.0


def guide(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """``u + s (c - u)``."""
    return unconditional + scale * (conditional - unconditional)


def guided(made: Float[Tensor, "branches *k c"], guidance: Guidance) -> Float[Tensor, "*k c"]:
    """What (conditional, unconditional) branches come to under a guidance; the first branch alone if it is not active.

    Raises ConfigError if the unconditional branch is missing.
    """
    if not guidance.active:
        return made[0]
    if made.shape[0] < 2:
        raise ConfigError("guidance needs an unconditional branch, and this request has none")
    return guide(made[0], made[1], guidance.scale)
