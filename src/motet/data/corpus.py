"""A corpus: the documents of a source, split, with their pictures at a model's size."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from motet.data.document import Document
from motet.data.encode import encode_documents
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

    @staticmethod
    def of(source: Source, size: tuple[int, int], *, progress: Progress | None = None) -> "Corpus":
        """The corpus of a source with pictures of ``size`` = (height, width)."""
        train, held_out = (Split(tuple(source.documents(split)), size, progress) for split in ("train", "held_out"))
        return Corpus(source.name, train, held_out, source.credit, tuple(source.skipped))
