"""Rows: which documents of a corpus fit those of a recipe, known before training begins."""

import logging
import math
from dataclasses import replace

import torch
from PIL import Image

from motet.codecs.text import TextCodec
from motet.config import describe
from motet.data.corpus import Corpus, Split
from motet.data.document import Document
from motet.data.orders import drawn
from motet.errors import ShapeError
from motet.model import TEXT, Model
from motet.recipes.recipe import Recipe
from motet.recipes.weightless import weightless
from motet.sequence import Segment

LEFT_OUT = 0.1
"""Share of a corpus that training leaves out with a warning, where it is too long; more of it is an error."""

_log = logging.getLogger(__name__)


def fitting(recipe: Recipe, text: TextCodec, corpus: Corpus, *, at_most: float | None = None) -> Corpus:
    """The corpus without the documents that are longer than a row; a warning counts them and names the longest.

    A function of its arguments alone, so that a resumed run leaves out the same ones. A recipe that packs rows calls
    their length ``row_length``; every document fits another recipe.

    at_most: the share of documents that may be left out, never all of a split; None: any.
    Raises ShapeError if more would be.
    """
    room = {setting.name: setting.value for setting in describe(recipe)}.get("row_length")
    if room is None:
        return corpus
    ruler = _Ruler(recipe, text)
    train, held_out = ([ruler.tokens(document) for document in split.documents] for split in _splits(corpus))
    tokens = [*train, *held_out]
    n_long = sum(n > room for n in tokens)
    if not n_long:
        return corpus
    longest = [document.id for split in _splits(corpus) for document in split.documents][tokens.index(max(tokens))]
    found = (
        f"{n_long:,} of {len(tokens):,} documents of {corpus.name} are longer than a row of {room} tokens; "
        f"the longest, {longest!r}, has {max(tokens):,}"
    )
    emptied = any(split and min(split) > room for split in (train, held_out))
    if at_most is not None and (emptied or n_long > at_most * len(tokens)):
        needed = max(tokens) if emptied else _least(tokens, at_most)
        raise ShapeError(
            f"{found}. Give longer rows with --set row_length={math.ceil(needed / 32) * 32}, or shorten the documents"
        )
    _log.warning("%s. They are left out; a larger row_length would take them", found)
    return replace(corpus, train=_within(corpus.train, train, room), held_out=_within(corpus.held_out, held_out, room))


def _splits(corpus: Corpus) -> tuple[Split, Split]:
    return corpus.train, corpus.held_out


def _within(split: Split, tokens: list[int], room: int) -> Split:
    return replace(split, documents=tuple(doc for doc, n in zip(split.documents, tokens, strict=True) if n <= room))


def _least(tokens: list[int], above: float) -> int:
    """The least length that at most this share of documents exceeds."""
    return sorted(tokens)[math.ceil((1 - above) * len(tokens)) - 1]


class _Ruler:
    """Measures documents as training lays them, in whichever order is longer, by a model without weights."""

    def __init__(self, recipe: Recipe, text: TextCodec):
        self.model = weightless(recipe, text)
        self.orders = (drawn, recipe.describing())
        self.picture = _picture(self.model)
        self.known: dict[tuple[tuple[str, int, bool], ...], int] = {}

    def tokens(self, document: Document) -> int:
        """How many there are. Documents whose parts have the same lengths are laid once."""
        segments = self._segments(document)
        shape = tuple((segment.modality, len(segment), segment.learn) for segment in segments)
        if shape not in self.known:
            rng = torch.Generator().manual_seed(0)
            laid = [self.model.arrange(order(segments), rng) for order in self.orders]
            self.known[shape] = max(sum(len(span) for span in spans) for spans in laid)
        return self.known[shape]

    def _segments(self, document: Document) -> list[Segment]:
        segments = []
        for part in document.parts:
            if part.modality == TEXT and isinstance(part.value, str):
                segments.append(Segment(TEXT, *self.model.text.encode(part.value), learn=part.learn))
            elif self.picture is not None:
                segments.append(replace(self.picture, learn=part.learn))
        return segments


def _picture(model: Model) -> Segment | None:
    """What any picture is encoded into, but for its values; of a number of tokens that varies, the largest."""
    name = next((name for name in model.modalities if name != TEXT), None)
    if name is None:
        return None
    height, width = model.modality(name).size
    return Segment(name, *model.modality(name).codec.encode(Image.new("RGB", (width, height))))
