"""Sequences as data: segments, spans, tags, packing, and the verbs of generation. No neural networks here."""

from motet.sequence.label import NO_LABEL, Labels, labelled, split_label
from motet.sequence.pack import Packed, Target, pack
from motet.sequence.program import Append, Commit, Draw, Forget, Peek, Program, Verb
from motet.sequence.segment import Segment
from motet.sequence.span import Predict, Span, positions
from motet.sequence.tags import NO_DOCUMENT, Tags, sees

__all__ = [
    "NO_DOCUMENT",
    "NO_LABEL",
    "Append",
    "Commit",
    "Draw",
    "Forget",
    "Labels",
    "Packed",
    "Peek",
    "Predict",
    "Program",
    "Segment",
    "Span",
    "Tags",
    "Target",
    "Verb",
    "labelled",
    "pack",
    "positions",
    "sees",
    "split_label",
]
