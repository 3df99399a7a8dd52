"""Some of many, evenly spaced: data lies in the order of its folders, so the first ones may all be of one class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most ``most`` items, evenly spaced from the first on, in their order; all of them if there are no more."""
    n = min(most, len(items))
    return [items[i * len(items) // n] for i in range(n)]
