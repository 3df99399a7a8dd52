"""Held-out loss of each modality, document by document, so that training and evaluation take it in one way."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from motet.data.loader import document_rng
from motet.data.orders import Ordering, described, drawn
from motet.model import Model
from motet.sequence import Segment, Span, pack
from motet.sequence.pack import fitting

ORDERS: dict[str, Ordering] = {"text_first": drawn, "image_first": described}
"""Each order of a pair by name."""

ROWS = 16
AT_ONCE = 128


class DocumentLosses(NamedTuple):
    """One modality's weighted sum of losses in each document, and the sum of their weights; zero where it has none."""

    total: Float[Tensor, " n"]
    weight: Float[Tensor, " n"]

    def mean(self) -> float:
        """The mean over all predictions."""
        return float(self.total.sum() / self.weight.sum())


@torch.no_grad()
def document_losses(
    model: Model, documents: Sequence[Sequence[Segment]], *, order: Ordering, row_length: int, seed: int
) -> dict[str, DocumentLosses]:
    """The losses of each document by modality, no condition dropped. Equal seeds draw equal noise.

    What a factorisation does to a picture in training it does here: what it hides stays hidden, and under the
    doubt of LatentLM, Janus, PUMA and Emu some earlier values are those of a document nearby, so losses compare models
    of equal doubt alone.
    """
    spans: list[list[Span]] = []
    for number, segments in enumerate(documents):
        rng = document_rng(seed, number)
        spans.append(model.arrange(order(segments), rng))
    lengths = [sum(len(span) for span in document) for document in spans]
    row_length = max([row_length, *lengths])
    sums: dict[str, DocumentLosses] = {}
    start = 0
    while start < len(spans):
        fit = fitting(lengths[start : start + AT_ONCE], rows=ROWS, length=row_length)
        batch = pack(spans[start : start + fit], rows=ROWS, length=row_length).to(model.device)
        hidden = model.hidden(batch).states.flatten(0, 1)
        document = batch.tags.doc.flatten().cpu() + start
        for name, target in batch.target.items():
            losses = model.modality(name).head.loss(hidden[target.at], target.value, document_rng(seed + 1, start))
            empty = DocumentLosses(torch.zeros(len(spans)), torch.zeros(len(spans)))
            kept, of = sums.setdefault(name, empty), document[target.at.cpu()]
            kept.total.index_add_(0, of, (losses * target.weight).float().cpu())
            kept.weight.index_add_(0, of, target.weight.float().cpu())
        start += fit
    return sums
