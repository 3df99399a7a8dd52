"""Both orders of a text-picture pair: one model learns to draw and to describe."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from motet.model import TEXT
from motet.sequence import Segment

Ordering = Callable[[Sequence[Segment]], list[Segment]]


def drawn(segments: Sequence[Segment]) -> list[Segment]:
    """A learned pair of a text and something else with the text first; other documents as they are."""
    return text_first(segments) if _is_learned_pair(segments) else list(segments)


def described(segments: Sequence[Segment], *, noise: float = 0.0) -> list[Segment]:
    """A learned pair of a text and something else with the text last; other documents as they are.

    What comes first is only read, not predicted: nothing before it says what it should be, and what its kind looks like
    at all is learned from documents whose text was dropped. With ``noise`` it is learned too, by diffusion, at most so
    far on its way to pure noise (1) that the text behind it can still be learned from it.
    """
    if not _is_learned_pair(segments):
        return list(segments)
    text, other = text_first(segments)
    return [replace(other, noise=noise) if noise else replace(other, learn=False), text]


def text_first(segments: Sequence[Segment]) -> list[Segment]:
    """The segments with texts before the others."""
    return sorted(segments, key=lambda segment: segment.modality != TEXT)


def _is_learned_pair(segments: Sequence[Segment]) -> bool:
    """Either half may be asked for the other, but not in a chat: there one half is a user's, and the other answers."""
    texts = [segment.modality == TEXT for segment in segments]
    return sorted(texts) == [False, True] and all(segment.learn for segment in segments)
