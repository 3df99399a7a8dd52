"""A corpus: the documents of a source, split, with their pictures at a model's size."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from motet.data.document import Document, Part, check_texts
from motet.data.encode import encode_documents
from motet.data.evenly import evenly
from motet.data.orders import taught
from motet.data.pixels import Pixels, Progress, load_pixels
from motet.data.source import Source
from motet.model import Model
from motet.sequence import Segment


@dataclass(frozen=True)
class Split:
    """One split of a corpus."""

    documents: tuple[Document, ...]
    size: tuple[int, int]
    progress: Progress | None = None

    @cached_property
    def pixels(self) -> Pixels:
        return load_pixels(self.documents, self.size, progress=self.progress)

    @property
    def texts(self) -> list[str]:
        parts = [part for document in self.documents for part in document.parts]
        return [part.value for part in parts if part.modality == "text" and isinstance(part.value, str)]

    @property
    def has_pictures(self) -> bool:
        return any(part.modality == "image" for document in self.documents for part in document.parts)

    def taught(self) -> set[str]:
        """The modalities that it teaches from another, whatever the share of pairs with the text first."""
        return set().union(*(taught(document.parts) for document in self.documents))

    def at_most(self, documents: int) -> "Split":
        """So many documents of the split, at most, evenly taken."""
        return replace(self, documents=tuple(evenly(self.documents, documents)))

    def identity(self) -> dict[str, Any]:
        """How many documents there are, and a hash of them in their order: all but pixels, for which sizes stand."""
        digest = hashlib.sha256()
        for document in self.documents:
            parts = [f"{part.modality} {part.learn} {_told(part)}" for part in document.parts]
            digest.update(repr((document.id, document.group, parts)).encode("utf-8", "surrogatepass"))
        return {"documents": len(self.documents), "digest": digest.hexdigest()[:24]}

    def encoded(self, model: Model) -> list[list[Segment]]:
        return encode_documents(model, self.documents, self.pixels, progress=self.progress)


@dataclass(frozen=True)
class Corpus:
    """What a run learns from (``train``) and is judged on (``held_out``)."""

    name: str
    train: Split
    held_out: Split
    credit: str = ""
    skipped: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    """Remarks of the source for the user."""

    @staticmethod
    def of(source: Source, size: tuple[int, int], *, progress: Progress | None = None) -> "Corpus":
        """The corpus of a source with pictures of ``size`` = (height, width).

        Raises DataError for a text that cannot be used; pictures are looked at when they are decoded.
        """
        for document in source.documents():
            check_texts(document)
        train, held_out = (Split(tuple(source.documents(split)), size, progress) for split in ("train", "held_out"))
        return Corpus(source.name, train, held_out, source.credit, tuple(source.skipped), source.found.notes)

    def __len__(self) -> int:
        """Documents, trained and held out."""
        return len(self.train.documents) + len(self.held_out.documents)

    def decode(self) -> None:
        """Decode every picture now, instead of when it is first asked for.

        Raises DataError (naming the document and the reason) for a picture that cannot be used.
        """
        for split in (self.train, self.held_out):
            _ = split.pixels

    def at_most(self, documents: int) -> "Corpus":
        """The corpus with so many documents in a split, at most, evenly taken."""
        return replace(self, train=self.train.at_most(documents), held_out=self.held_out.at_most(documents))

    def identity(self) -> dict[str, Any]:
        """What tells this corpus from another, split by split, as JSON can hold it."""
        return {"train": self.train.identity(), "held_out": self.held_out.identity()}


def _told(part: Part) -> str:
    """A text; of a picture the size of its file, or its own."""
    if isinstance(part.value, Path):
        # Path.is_file raises for a name that is too long or lies in a closed folder: decoding says which it is.
        return str(part.value.stat().st_size) if os.path.isfile(part.value) else "gone"
    return str(part.value.size) if isinstance(part.value, Image.Image) else part.value
