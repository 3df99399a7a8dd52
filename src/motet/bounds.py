"""Bounds of numbers in settings, asked in ``__post_init__``: what cannot be meant is told before any work is done."""

import math

from motet.errors import ConfigError


def check_bounds(settings: object, *names: str, low: float | int, high: float | int = math.inf) -> None:
    """Looks at these fields: each a finite number from ``low`` to ``high``, both included, or None.

    Raises ConfigError that names the field and what was expected.
    """
    for name in names:
        value = getattr(settings, name)
        if value is None or (math.isfinite(value) and low <= value <= high):
            continue
        wanted = f"at least {low}" if high == math.inf else f"from {low} to {high}"
        raise ConfigError(f"{name} is {value}; expected a number {wanted}{'' if math.isfinite(value) else ', finite'}")
