"""Packing: whole documents, laid end to end into rows of one static length.

This is the only place where a target meets the row that predicts it. A target predicted by "previous" is paired with
the last public token before it in its document, which is not the row before it when private copies stand between.
Generation places its tokens by the same hand, a step of each document at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motet.errors import ShapeError
from motet.sequence.label import NO_LABEL, Labels
from motet.sequence.span import Span
from motet.sequence.tags import NO_DOCUMENT, Tags
from motet.types import N_AXES


@dataclass(frozen=True)
class Target:
    """The predictions of one modality in a batch.

    at:     flat index (row * t + token) of the hidden state that predicts.
    value:  true values, ``Int[k]`` or ``Float[k c]``.
    weight: weight of each in the modality's mean; 0 marks the padding of a fixed-size target.
    """

    at: Int[Tensor, " k"]
    value: Tensor
    weight: Float[Tensor, " k"]


@dataclass(frozen=True)
class Packed:
    """A batch of packed documents.

    tags, pos, time: per token. ``time`` is NaN on clean tokens.
    place:  flat token indices of each modality; ``values`` and ``masked`` follow the same order.
    target: what each modality has to predict, and from which hidden states.
    n_docs: documents in the batch; n_tokens: tokens that are not padding.
    labels: texts that noised tokens are conditioned on; None where there is not a single one.
    """

    tags: Tags
    pos: Int[Tensor, "b t a"]
    time: Float[Tensor, "b t"]
    place: dict[str, Int[Tensor, " n"]]
    values: dict[str, Tensor]
    masked: dict[str, Tensor]
    target: dict[str, Target]
    n_docs: int
    n_tokens: int
    labels: Labels | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.pos.shape[0]), int(self.pos.shape[1])

    def hidden(self) -> Bool[Tensor, "b t"]:
        """Which tokens are masked, laid out as they stand in their rows."""
        flat = torch.zeros_like(self.time, dtype=torch.bool).flatten()
        for modality, place in self.place.items():
            flat = flat.index_copy(0, place, self.masked[modality])
        return flat.view(self.shape)

    def to(self, device: torch.device | str) -> "Packed":
        def move(table: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: tensor.to(device) for name, tensor in table.items()}

        target = {m: Target(x.at.to(device), x.value.to(device), x.weight.to(device)) for m, x in self.target.items()}
        return replace(
            self,
            tags=self.tags.to(device),
            pos=self.pos.to(device),
            time=self.time.to(device),
            place=move(self.place),
            values=move(self.values),
            masked=move(self.masked),
            target=target,
            labels=None if self.labels is None else self.labels.to(device),
        )


def assign(lengths: Sequence[int], rows: int, length: int) -> list[int] | None:
    """A row for each document, longest first into the first row with room; None if they do not fit."""
    room = [length] * rows
    chosen = [NOWHERE] * len(lengths)
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        row = next((r for r, free in enumerate(room) if free >= lengths[i]), None)
        if row is None:
            return None
        room[row] -= lengths[i]
        chosen[i] = row
    return chosen


def fitting(lengths: Sequence[int], *, rows: int, length: int) -> int:
    """How many of these documents, from the first on, fit ``rows`` rows of ``length`` tokens.

    Raises ShapeError if a document is longer than a row.
    """
    if lengths and max(lengths) > length:
        raise ShapeError(f"a document of {max(lengths)} tokens does not fit a row of {length}; raise the row length")
    count = len(lengths)
    while assign(lengths[:count], rows, length) is None:
        count -= 1
    return count


def pack(docs: Sequence[Sequence[Span]], *, rows: int, length: int) -> Packed:
    """Lays ``docs`` into ``rows`` rows of ``length`` tokens.

    Raises ShapeError if a document is longer than a row, or if the documents do not fit.
    """
    lengths = [sum(len(span) for span in doc) for doc in docs]
    chosen = assign(lengths, rows, length) if fitting(lengths, rows=rows, length=length) == len(lengths) else None
    if chosen is None:
        raise ShapeError(f"{sum(lengths)} tokens in {len(docs)} documents do not fit {rows} rows of {length}")
    layout = _Layout(rows, length)
    for number, (doc, row) in enumerate(zip(docs, chosen, strict=True)):
        layout.place_document(doc, number, row)
    return layout.finish(len(docs), sum(lengths))


class Placing(NamedTuple):
    """Spans that go on with a document whose next block has this number."""

    spans: Sequence[Span]
    block: int


def lay(new: Mapping[int, Placing], *, rows: int) -> Packed:
    """A step of generation: what is placed in some of ``rows`` rows, each of one document; padded to the longest."""
    lengths = [sum(len(span) for span in placing.spans) for placing in new.values()]
    layout = _Layout(rows, max(lengths))
    for row, placing in new.items():
        layout.place_document(placing.spans, 0, row, block=placing.block)
    return layout.finish(rows, sum(lengths))


NOWHERE = -1
"""The predictor of a document's first token: there is none."""


class _Layout:
    """The batch while it is being filled; numpy, because thousands of tiny writes are ten times cheaper there."""

    def __init__(self, rows: int, length: int):
        self.length = length
        self.doc = np.full((rows, length), NO_DOCUMENT, dtype=np.int64)
        self.block = np.zeros((rows, length), dtype=np.int64)
        self.public = np.zeros((rows, length), dtype=np.bool_)
        self.pos = np.zeros((rows, length, N_AXES), dtype=np.int64)
        self.time = np.full((rows, length), np.nan, dtype=np.float32)
        self.label = np.full((rows, length), NO_LABEL, dtype=np.int64)
        self.labels: list[Tensor] = []
        self.filled = [0] * rows
        self.place: dict[str, list[np.ndarray]] = {}
        self.values: dict[str, list[Tensor]] = {}
        self.masked: dict[str, list[np.ndarray]] = {}
        self.targets: dict[str, list[tuple[np.ndarray, Tensor, Tensor]]] = {}

    def place_document(self, doc: Sequence[Span], number: int, row: int, *, block: int = 0) -> None:
        last_public = NOWHERE
        for span in doc:
            n, start = len(span), self.filled[row]
            stop = start + n
            flat = np.arange(row * self.length + start, row * self.length + stop)
            self.doc[row, start:stop] = number
            self.block[row, start:stop] = block if span.whole else np.arange(block, block + n)
            self.public[row, start:stop] = span.public
            self.pos[row, start:stop] = span.pos.numpy()
            if span.time is not None:
                self.time[row, start:stop] = span.time.numpy()
            if span.label is not None:
                self.label[row, start:stop] = len(self.labels)
                self.labels.append(span.label)
            self.place.setdefault(span.modality, []).append(flat)
            self.values.setdefault(span.modality, []).append(span.values)
            masked = np.zeros(n, dtype=np.bool_) if span.masked is None else span.masked.numpy()
            self.masked.setdefault(span.modality, []).append(masked)
            self._pair(span, flat, last_public)
            if span.public:
                last_public = int(flat[-1])
            block += 1 if span.whole else n
            self.filled[row] = stop

    def _pair(self, span: Span, flat: np.ndarray, last_public: int) -> None:
        predict = span.predict
        if predict is None or len(predict.at) == 0:
            return
        if predict.by == "self":
            by = flat[predict.at.numpy()]
        else:
            assert not span.whole and span.public, "next-token prediction needs a public span with a block per token"
            by = np.concatenate([[last_public], flat[:-1]])[predict.at.numpy()]
            assert by.min() >= 0, "the first token of a document has nothing that could predict it"
        self.targets.setdefault(predict.of or span.modality, []).append((by, predict.value, predict.weight))

    def finish(self, n_docs: int, n_tokens: int) -> Packed:
        def joined(parts: list[np.ndarray]) -> Tensor:
            return torch.from_numpy(np.concatenate(parts))

        targets = {}
        for modality, parts in self.targets.items():
            by, value, weight = zip(*parts, strict=True)
            targets[modality] = Target(joined(list(by)), torch.cat(value), torch.cat(weight))
        tags = Tags(torch.from_numpy(self.doc), torch.from_numpy(self.block), torch.from_numpy(self.public))
        return Packed(
            tags=tags,
            pos=torch.from_numpy(self.pos),
            time=torch.from_numpy(self.time),
            place={modality: joined(parts) for modality, parts in self.place.items()},
            values={modality: torch.cat(parts) for modality, parts in self.values.items()},
            masked={modality: joined(parts) for modality, parts in self.masked.items()},
            target=targets,
            n_docs=n_docs,
            n_tokens=n_tokens,
            labels=Labels.gathered(self.labels, torch.from_numpy(self.label)),
        )
