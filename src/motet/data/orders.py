"""Both orders of a text-picture pair: one model learns to draw and to describe."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from motet.model import TEXT
from motet.sequence import Segment


def in_either_order(segments: Sequence[Segment], text_first_share: float, rng: torch.Generator) -> list[Segment]:
    """A pair of a text and something else with its text first in that share of cases; other documents as they are.

    Where the other comes first it is only read, not predicted: nothing before it says what it should be, and what its
    kind looks like at all is learned from documents whose text was dropped.
    """
    if len(segments) != 2 or (segments[0].modality == TEXT) == (segments[1].modality == TEXT):
        return list(segments)
    paired = text_first(segments)
    if float(torch.rand((), generator=rng)) < text_first_share:
        return paired
    return [replace(paired[1], learn=False), paired[0]]


def text_first(segments: Sequence[Segment]) -> list[Segment]:
    """The segments with texts before the others."""
    return sorted(segments, key=lambda segment: segment.modality != TEXT)
