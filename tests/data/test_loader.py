"""The order of documents and their batches: functions of a seed and a cursor, and of nothing else."""

from collections import Counter

import numpy as np
import pytest
import torch

from motet.data.loader import Arrange, Loader, Order, Task, balanced_weights, document_rng
from motet.errors import DataError, ShapeError
from motet.sequence import Packed, Predict, Segment, Span, positions

ROWS, LENGTH = 3, 12


def arrange(segments: list[Segment], rng: torch.Generator) -> list[Span]:
    """One text span; the last id is random, so that what was drawn shows."""
    values = torch.cat([segments[0].values, torch.randint(1_000_000, (1,), generator=rng)])
    at = torch.arange(1, len(values))
    return [Span("text", values, positions(len(values), 0), predict=Predict(at, values[at], torch.ones(len(at))))]


def loader(n: int = 7, *, seed: int = 0) -> Loader:
    documents = [[Segment("text", torch.full((1 + i % 5,), i))] for i in range(n)]
    return Loader(documents, [task(n)], rows=ROWS, length=LENGTH, seed=seed)


def task(n: int, share: float = 1.0, *, arrange: Arrange = arrange, weights: np.ndarray | None = None) -> Task:
    return Task(share, np.ones(n) if weights is None else weights, arrange)


def contents(batch: Packed) -> list[tuple[int, ...]]:
    """Ids of each document, in the order in which they were given."""
    ids = torch.full((ROWS * LENGTH,), -1)
    ids[batch.place["text"]] = batch.values["text"]
    doc = batch.tags.doc.flatten()
    return [tuple(ids[doc == d].tolist()) for d in range(batch.n_docs)]


@pytest.mark.parametrize("n", [1, 5, 100])
def test_with_equal_weights_every_item_comes_once_an_epoch_each_time_in_a_new_order(n: int):
    order = Order(np.ones(n), seed=3)
    epochs = [[order[k] for k in range(n * e, n * (e + 1))] for e in range(4)]
    assert all(sorted(epoch) == list(range(n)) for epoch in epochs)
    if n == 100:
        assert len({tuple(epoch) for epoch in epochs}) == 4


def test_weights_set_proportions_to_within_one_an_epoch():
    weights = np.array([1, 2, 3, 0.5, 10, 0.0])
    order = Order(weights, seed=0)
    share = weights / weights.sum() * 6
    total = Counter()
    for epoch in range(2_000):
        seen = Counter(order[6 * epoch + i] for i in range(6))
        for item in range(6):
            assert np.floor(share[item]) <= seen[item] <= np.ceil(share[item])
        total += seen
    for item in range(6):
        assert total[item] / 2_000 == pytest.approx(share[item], abs=0.05)


def test_an_order_can_be_asked_in_any_order_and_depends_on_its_seed():
    forward = [Order(np.ones(50), seed=1)[k] for k in range(120)]
    jumping = Order(np.ones(50), seed=1)
    for k in (119, 3, 60, 2, 0, 99):
        assert jumping[k] == forward[k]
    assert [Order(np.ones(50), seed=2)[k] for k in range(120)] != forward


def test_balance_goes_from_documents_to_groups_equally_often():
    groups = ["a"] * 8 + ["b"] * 2
    np.testing.assert_allclose(balanced_weights(groups, 0.0), np.full(10, 0.1))
    even = balanced_weights(groups, 1.0)
    assert even[:8].sum() == pytest.approx(0.5) and even[8:].sum() == pytest.approx(0.5)
    half = balanced_weights(groups, 0.5)
    assert half[9] / half[0] == pytest.approx(2.0)


def test_a_batch_is_a_function_of_its_cursor():
    walked = loader()
    cursors = [0]
    batches = []
    for _ in range(6):
        batch, following = walked.batch(cursors[-1])
        batches.append(contents(batch))
        cursors.append(following)
    for i in (5, 0, 3):
        again, following = loader().batch(cursors[i])
        assert contents(again) == batches[i] and following == cursors[i + 1]
    assert contents(loader(seed=1).batch(0)[0]) != batches[0]


def test_consecutive_batches_lose_no_document_and_repeat_none():
    made, cursor, seen = loader(), 0, []
    for _ in range(12):
        batch, following = made.batch(cursor)
        docs = contents(batch)
        assert following - cursor == len(docs) >= 1
        seen += docs
        cursor = following
    order = Order(np.ones(7), seed=0)
    for k, doc in enumerate(seen):
        item = order[k]
        rng = document_rng(0, k)
        torch.rand((), generator=rng)  # the choice of the task
        drawn = int(torch.randint(1_000_000, (1,), generator=rng))
        assert doc == (*[item] * (1 + item % 5), drawn)


def test_batches_are_full_but_for_what_does_not_fit():
    made, cursor, tokens = loader(40), 0, []
    for _ in range(20):
        batch, cursor = made.batch(cursor)
        assert batch.shape == (ROWS, LENGTH)
        tokens.append(batch.n_tokens)
    assert np.mean(tokens) > 0.8 * ROWS * LENGTH


def test_tasks_share_the_stream_and_take_documents_by_weights_of_their_own():
    def first(segments: list[Segment], rng: torch.Generator) -> list[Span]:
        return arrange([Segment("text", torch.tensor([1000]))], rng)

    even, lopsided = np.ones(4), np.array([0.0, 0.0, 1.0, 3.0])
    documents = [[Segment("text", torch.tensor([i]))] for i in range(4)]
    tasks = [task(4, 0.25, arrange=first, weights=even), task(4, 0.75, weights=lopsided), task(4, 0.0, weights=even)]
    made = Loader(documents, tasks, rows=ROWS, length=LENGTH)
    seen = Counter(int(made.document(k)[0].values[0]) for k in range(8000))
    assert seen.keys() == {1000, 2, 3}
    assert seen[1000] / 8000 == pytest.approx(0.25, abs=0.02)
    assert seen[3] / seen[2] == pytest.approx(3, rel=0.1)
    assert contents(made.batch(16)[0]) == contents(Loader(documents, tasks, rows=ROWS, length=LENGTH).batch(16)[0])


def test_each_document_of_the_stream_has_randomness_of_its_own():
    draws = {int(torch.randint(2**40, (1,), generator=document_rng(s, k))) for s in range(20) for k in range(50)}
    assert len(draws) == 1000
    assert torch.equal(torch.rand(3, generator=document_rng(1, 2)), torch.rand(3, generator=document_rng(1, 2)))


def test_no_documents_and_too_long_documents_are_errors_that_say_what_to_do():
    with pytest.raises(DataError, match="motet data check"):
        Loader([], [task(0)], rows=1, length=8)
    long = Loader([[Segment("text", torch.zeros(20, dtype=torch.long))]], [task(1)], rows=2, length=8)
    with pytest.raises(ShapeError, match="document of 21 tokens does not fit a row of 8"):
        long.batch(0)
