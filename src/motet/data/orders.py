"""Both orders of a text-picture pair: one model learns to draw and to describe."""

from collections.abc import Sequence

import torch

from motet.model import TEXT
from motet.sequence import Segment


def in_either_order(segments: Sequence[Segment], text_first_share: float, rng: torch.Generator) -> list[Segment]:
    """A pair of a text and something else with its text first in that share of cases; other documents as they are."""
    if len(segments) != 2 or (segments[0].modality == TEXT) == (segments[1].modality == TEXT):
        return list(segments)
    paired = text_first(segments)
    return paired if float(torch.rand((), generator=rng)) < text_first_share else paired[::-1]


def text_first(segments: Sequence[Segment]) -> list[Segment]:
    """The segments with texts before the others."""
    return sorted(segments, key=lambda segment: segment.modality != TEXT)
