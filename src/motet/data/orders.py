"""Both orders of a text-picture pair: one model learns to draw and to describe. Other documents stay as they are."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from motet.data.document import Part
from motet.model import TEXT
from motet.sequence import Segment

Piece = TypeVar("Piece", Part, Segment)
"""Of a document, raw or encoded."""

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


def text_first(segments: Sequence[Piece]) -> list[Piece]:
    """The segments with texts before the others."""
    return sorted(segments, key=lambda segment: segment.modality != TEXT)


def before_last(segments: Sequence[Piece], modality: str) -> list[Piece]:
    """What stands before the last learned segment of a modality where it is drawn; nothing if there is none.

    The prompt that a document gives for it: of a pair its text, of an edit the picture and the instruction.
    """
    laid = text_first(segments) if _is_learned_pair(segments) else list(segments)
    wanted = [i for i, segment in enumerate(laid) if segment.modality == modality and segment.learn]
    return laid[: wanted[-1]] if wanted else []


def taught(segments: Sequence[Piece]) -> set[str]:
    """The modalities that a document teaches from another, whatever the share of pairs with the text first.

    A pair whose halves are both learned teaches none so: which of them stands first is a setting.
    """
    found: set[str] = set()
    if not _is_learned_pair(segments):
        before: set[str] = set()
        for segment in segments:
            found |= {segment.modality} if segment.learn and before - {segment.modality} else set()
            before.add(segment.modality)
    return found


def _is_learned_pair(segments: Sequence[Piece]) -> bool:
    """Either half may be asked for the other, but not in a chat: there one half is a user's, and the other answers."""
    texts = [segment.modality == TEXT for segment in segments]
    return sorted(texts) == [False, True] and all(segment.learn for segment in segments)
