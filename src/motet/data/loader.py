"""The order of training documents, and batches of them: pure functions of a seed and a cursor.

Document number k of the endless stream, and the randomness of its arrangement, depend on (seed, k) alone. A loader
has no state: a run that was killed goes on with the same documents by knowing k.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from motet.errors import DataError
from motet.seed import checked_seed
from motet.sequence import Packed, Segment, Span, pack
from motet.sequence.pack import fitting

Arrange = Callable[[list[Segment], torch.Generator], list[Span]]
"""Segments of one document to spans; all of its randomness comes from the generator."""


def balanced_weights(groups: Sequence[str], balance: float) -> np.ndarray:
    """How often each document is seen relative to the others: ``group size ** -balance``.

    balance 0 sees every document equally often; 1 sees every group equally often.
    """
    sizes = Counter(groups)
    weights = np.array([sizes[group] ** -balance for group in groups], dtype=np.float64)
    return weights / weights.sum()


class Order:
    """An endless order of ``len(weights)`` items in epochs of that many, by systematic resampling.

    An item of relative weight w is seen floor(w n) or ceil(w n) times an epoch, so equal weights give plain epochs:
    every item once, in a new order each time.
    """

    def __init__(self, weights: np.ndarray, *, seed: int):
        self.cumulative = np.cumsum(weights) / np.sum(weights)
        self.seed = checked_seed(seed)
        self._epoch = -1
        self._items = np.empty(0, dtype=np.int64)

    def __getitem__(self, k: int) -> int:
        epoch, at = divmod(k, len(self.cumulative))
        if epoch != self._epoch:
            rng = np.random.default_rng([self.seed, epoch])
            points = (np.arange(len(self.cumulative)) + rng.random()) / len(self.cumulative)
            items = np.searchsorted(self.cumulative, points, side="right").clip(max=len(self.cumulative) - 1)
            self._epoch, self._items = epoch, rng.permutation(items)
        return int(self._items[at])


@dataclass(frozen=True)
class Task:
    """One use of the documents, drawing pictures or describing them: its share of the stream, how often it takes each
    document relative to the others, and how it lays one out."""

    share: float
    weights: np.ndarray
    arrange: Arrange


def document_rng(seed: int, k: int) -> torch.Generator:
    """The generator of stream document k. PyTorch's CPU generator keeps 32 bits of a seed, so they are mixed first."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence([seed, k]).generate_state(1)[0]))


class Loader:
    """Packed batches of ``rows`` rows of ``length`` tokens from encoded documents, each used for one of the tasks."""

    def __init__(
        self,
        documents: Sequence[list[Segment]],
        tasks: Sequence[Task],
        *,
        rows: int,
        length: int,
        seed: int = 0,
    ):
        if not documents:
            raise DataError("there is no document to train on; check the data with `motet data check`")
        self.documents = documents
        self.rows, self.length, self.seed = rows, length, seed
        self.tasks = [task for task in tasks if task.share > 0]
        self._shares = np.cumsum([task.share for task in self.tasks])
        self._orders = [Order(task.weights, seed=seed) for task in self.tasks]

    def batch(self, cursor: int) -> tuple[Packed, int]:
        """The batch that begins with stream document ``cursor``, and the cursor of the next batch."""
        spans: list[list[Span]] = []
        tokens, k = 0, cursor
        while tokens < self.rows * self.length:
            spans.append(self.document(k))
            tokens += sum(len(span) for span in spans[-1])
            k += 1
        fit = fitting([sum(len(span) for span in doc) for doc in spans], rows=self.rows, length=self.length)
        return pack(spans[:fit], rows=self.rows, length=self.length), cursor + fit

    def document(self, k: int) -> list[Span]:
        """Document number k of the stream, laid out for its task."""
        rng = document_rng(self.seed, k)
        point = float(torch.rand((), generator=rng)) * self._shares[-1]
        number = min(int(np.searchsorted(self._shares, point, side="right")), len(self.tasks) - 1)
        return self.tasks[number].arrange(self.documents[self._orders[number][k]], rng)
