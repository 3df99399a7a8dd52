"""Packing: nothing is lost, nothing overlaps, and every target meets the row that predicts it."""

import random

import pytest
import torch

from motet.errors import ShapeError
from motet.sequence import NO_DOCUMENT, Packed, Predict, Span, pack, positions
from motet.sequence.pack import assign, fitting


def text(ids: list[int], *, start: int = 0, learn: tuple[int, ...] = ()) -> Span:
    values = torch.tensor(ids)
    at = torch.tensor(learn, dtype=torch.long)
    return Span("text", values, positions(len(ids), start), predict=Predict(at, values[at], torch.ones(len(at))))


def copies(values: list[float], *, start: int) -> list[Span]:
    """A private noised copy that predicts itself, then the public clean copy: block diffusion."""
    x = torch.tensor(values)[:, None]
    n, pos = len(values), positions(len(values), start)
    own = Predict(torch.arange(n), x, torch.full((n,), 0.5), by="self")
    noised = Span("image", x + 100, pos, whole=True, public=False, time=torch.full((n,), 0.25), predict=own)
    return [noised, Span("image", x, pos, whole=True)]


def tokens_of(batch: Packed, modality: str) -> dict[int, float]:
    return dict(zip(batch.place[modality].tolist(), batch.values[modality].flatten().tolist(), strict=True))


def test_assign_never_loses_or_overlaps_a_document():
    draw = random.Random(0)
    for _ in range(300):
        rows, length = draw.randint(1, 5), draw.randint(4, 20)
        lengths = [draw.randint(1, length) for _ in range(draw.randint(0, 12))]
        chosen = assign(lengths, rows, length)
        if chosen is None:
            # first fit, longest first, uses at most twice the rows that the tokens need (and fails only beyond that)
            assert sum(lengths) > length * rows / 2
            continue
        assert len(chosen) == len(lengths)
        assert all(0 <= row < rows for row in chosen)
        for row in range(rows):
            assert sum(n for n, r in zip(lengths, chosen, strict=True) if r == row) <= length


def test_fitting_is_a_prefix_that_fits_and_cannot_be_longer():
    draw = random.Random(1)
    for _ in range(200):
        rows, length = draw.randint(1, 4), draw.randint(4, 12)
        lengths = [draw.randint(1, length) for _ in range(draw.randint(1, 15))]
        count = fitting(lengths, rows=rows, length=length)
        assert count >= 1
        assert assign(lengths[:count], rows, length) is not None
        assert all(assign(lengths[:more], rows, length) is None for more in [len(lengths)] if more > count)


def test_a_document_longer_than_a_row_is_an_error_that_says_what_to_do():
    with pytest.raises(ShapeError, match="document of 9 tokens does not fit a row of 8; raise the row length"):
        fitting([3, 9], rows=2, length=8)
    with pytest.raises(ShapeError, match="raise the row length"):
        pack([[text([1] * 9)]], rows=4, length=8)


def test_documents_that_do_not_fit_are_an_error_and_never_dropped():
    with pytest.raises(ShapeError, match="18 tokens in 3 documents do not fit 2 rows of 8"):
        pack([[text([1] * 6)]] * 3, rows=2, length=8)


def test_every_token_lands_once_with_its_value_position_tags_and_time():
    draw = random.Random(2)
    docs = []
    for d in range(6):
        spans, start = [], 0
        for s in range(draw.randint(1, 3)):
            ids = [1000 * d + 100 * s + i for i in range(draw.randint(1, 4))]
            spans.append(text(ids, start=start))
            start += len(ids)
        docs.append([*spans, *copies([0.5, 1.5], start=start)])
    batch = pack(docs, rows=6, length=24)
    assert batch.n_docs == 6 and batch.n_tokens == sum(len(s) for doc in docs for s in doc)
    assert int((batch.tags.doc != NO_DOCUMENT).sum()) == batch.n_tokens
    places = torch.cat(list(batch.place.values()))
    assert len(places.unique()) == batch.n_tokens == len(places)
    ids = tokens_of(batch, "text")
    for d, doc in enumerate(docs):
        flat = (batch.tags.doc.flatten() == d).nonzero()[:, 0]
        assert (flat.diff() == 1).all() and len(set((flat // 24).tolist())) == 1, "a document is one stretch of one row"
        expected = [int(v) for span in doc if span.modality == "text" for v in span.values]
        assert [ids[i] for i in flat.tolist() if i in ids] == expected
        assert torch.equal(batch.pos.flatten(0, 1)[flat], torch.cat([span.pos for span in doc]))
        times = batch.time.flatten()[flat]
        assert times.isnan().tolist() == [True] * (len(flat) - 4) + [False] * 2 + [True] * 2


def test_next_token_targets_are_predicted_by_the_token_before_also_across_spans():
    doc = [text([10, 11, 12], learn=(1, 2)), text([13, 14], start=3, learn=(0, 1))]
    batch = pack([[text([1] * 6)], doc], rows=2, length=6)  # the other document comes first
    row = int((batch.tags.doc == 1).any(1).nonzero()[0, 0])
    assert batch.target["text"].value.tolist() == [11, 12, 13, 14]
    assert batch.target["text"].at.tolist() == [6 * row + i for i in (0, 1, 2, 3)]


def test_text_after_private_copies_is_predicted_by_the_last_public_token():
    noised, clean = copies([0.5, 1.5], start=2)
    between = Span("image", torch.zeros(1, 1), positions(1, 9), whole=True, public=False)
    doc = [text([10, 11]), noised, clean, between, text([12, 13], start=4, learn=(0, 1))]
    target = pack([doc], rows=1, length=12).target
    # row: 10 11 | n n | c c | p | 12 13
    assert target["text"].at.tolist() == [5, 7]
    assert target["image"].at.tolist() == [2, 3], "a noised token predicts itself"
    assert target["image"].value.flatten().tolist() == [0.5, 1.5]
    assert target["image"].weight.tolist() == [0.5, 0.5]


def test_predicting_the_first_token_of_a_document_is_refused():
    with pytest.raises(AssertionError, match="first token of a document"):
        pack([[text([1, 2], learn=(0, 1))], [text([3])]], rows=1, length=8)


def test_blocks_count_through_a_document_one_a_token_or_one_a_whole_span():
    doc = [text([1, 2]), *copies([0.0, 0.0, 0.0], start=2), text([3], start=5)]
    tags = pack([doc], rows=1, length=9).tags
    assert tags.block[0].tolist() == [0, 1, 2, 2, 2, 3, 3, 3, 4]
    assert tags.public[0].tolist() == [True] * 2 + [False] * 3 + [True] * 4


def test_masked_flags_follow_the_order_of_the_values():
    masked = Span("image", torch.zeros(3, 1), positions(3, 0), masked=torch.tensor([True, False, True]))
    batch = pack([[masked, *copies([0.0], start=3)]], rows=1, length=8)
    assert batch.masked["image"].tolist() == [True, False, True, False, False]


def test_moving_a_batch_keeps_everything():
    batch = pack([[text([1, 2, 3], learn=(1, 2)), *copies([0.5], start=3)]], rows=1, length=6)
    moved = batch.to("cpu")
    assert torch.equal(moved.target["text"].at, batch.target["text"].at)
    assert torch.equal(moved.tags.block, batch.tags.block) and torch.equal(moved.pos, batch.pos)


def test_masked_tokens_are_found_where_they_stand_in_their_rows():
    masked = torch.tensor([True, False, True])
    picture = Span("image", torch.zeros(3, 2), positions(3, 1), whole=True, masked=masked)
    text = Span("text", torch.zeros(1, dtype=torch.long), positions(1, 0))
    packed = pack([[text, picture], [text]], rows=2, length=5)
    row = int((packed.tags.block[:, 1] == 1).nonzero())
    assert packed.hidden()[row].tolist() == [False, True, False, True, False]
    assert not packed.hidden()[1 - row].any()
