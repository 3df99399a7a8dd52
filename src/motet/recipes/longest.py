"""The longest document of a corpus, known before training begins, so that too short a row is no late surprise."""

from typing import NamedTuple

import torch
from PIL import Image

from motet.data.corpus import Corpus
from motet.data.document import Document
from motet.model import TEXT, Model
from motet.recipes.recipe import Recipe
from motet.recipes.weightless import weightless
from motet.sequence import Segment

_LAID_OUT = 16
"""Documents that are really arranged: those with the most values."""


class Longest(NamedTuple):
    """A document and its tokens, as training lays it."""

    id: str
    tokens: int


def longest(recipe: Recipe, corpus: Corpus) -> Longest:
    """The longest document of both splits. The tokenizer is the one that ``recipe`` makes of the corpus."""
    model = weightless(recipe, recipe.text_codec(corpus))
    picture = _picture(model)
    laid = [
        (document.id, _segments(model, document, picture))
        for split in (corpus.train, corpus.held_out)
        for document in split.documents
    ]
    most = sorted(laid, key=lambda pair: -sum(len(segment) for segment in pair[1]))[:_LAID_OUT]
    return max((Longest(id, _length(model, segments)) for id, segments in most), key=lambda found: found.tokens)


def _picture(model: Model) -> Segment | None:
    """What any picture is encoded into, but for its values: they all have the same size."""
    name = next((name for name in model.modalities if name != TEXT), None)
    if name is None:
        return None
    height, width = model.modality(name).size
    return Segment(name, *model.modality(name).codec.encode(Image.new("RGB", (width, height))))


def _segments(model: Model, document: Document, picture: Segment | None) -> list[Segment]:
    segments = []
    for part in document.parts:
        if isinstance(part.value, str) and part.modality == TEXT:
            segments.append(Segment(TEXT, *model.text.encode(part.value)))
        elif picture is not None:
            segments.append(picture)
    return segments


def _length(model: Model, segments: list[Segment]) -> int:
    return sum(len(span) for span in model.arrange(segments, torch.Generator().manual_seed(0)))
