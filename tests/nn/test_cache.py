"""The cache: commits stay, peeks leave no trace, rows do not know of each other."""

import random

import pytest
import torch
from torch import Tensor

from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.cache import GROWTH, Cache
from motet.sequence import NO_DOCUMENT, Tags
from motet.types import N_AXES
from support.random_weights import randomise

DIM = 16
BACKBONES = {
    "plain": TransformerShape(dim=DIM, n_layers=2, n_heads=2, ffn_dim=24),
    "grouped": TransformerShape(dim=DIM, n_layers=2, n_heads=4, n_kv_heads=1, ffn_dim=24, qk_norm=True),
}


@pytest.fixture(params=BACKBONES)
def backbone(request: pytest.FixtureRequest) -> Backbone:
    made = Backbone.plain(BACKBONES[request.param]).requires_grad_(False)
    return randomise(made, torch.Generator().manual_seed(5), spread=0.4)


class Document:
    """The slow twin: everything committed so far, run again from scratch each time."""

    def __init__(self) -> None:
        self.x = torch.zeros(0, DIM)
        self.block = torch.zeros(0, dtype=torch.long)

    def extended(self, x: Tensor, whole: bool) -> "Document":
        first = int(self.block[-1]) + 1 if len(self.block) else 0
        new = torch.full((len(x),), first) if whole else torch.arange(first, first + len(x))
        made = Document()
        made.x, made.block = torch.cat([self.x, x]), torch.cat([self.block, new])
        return made

    def pos(self) -> Tensor:
        return torch.arange(len(self.x))[:, None].expand(-1, N_AXES)

    def last_states(self, backbone: Backbone, last: int, *, public: bool = True) -> Tensor:
        """Hidden states of the ``last`` tokens, which are private unless ``public``."""
        n = len(self.x)
        shown = torch.ones(1, n, dtype=torch.bool)
        shown[:, n - last :] = public
        tags = Tags(torch.zeros(1, n, dtype=torch.long), self.block[None], shown)
        return backbone(self.x[None], tags, self.pos()[None])[0][0, n - last :]


def step(backbone: Backbone, cache: Cache, docs: list[Document], new: list[Document], *, public: bool) -> list[Tensor]:
    """One forward that extends each row's document to ``new`` (rows that do not grow are padded)."""
    sizes = [len(b.x) - len(a.x) for a, b in zip(docs, new, strict=True)]
    rows, n = len(docs), max(sizes)
    tags, pos, x = Tags.empty(rows, n), torch.zeros(rows, n, N_AXES, dtype=torch.long), torch.randn(rows, n, DIM)
    for row, size in enumerate(sizes):
        if size:
            tags.doc[row, :size] = 0
            tags.block[row, :size] = new[row].block[-size:]
            tags.public[row, :size] = public
            pos[row, :size] = new[row].pos()[-size:]
            x[row, :size] = new[row].x[-size:]
    states, _ = backbone(x, tags, pos, cache)
    cache.close(sizes if public else [0] * rows)
    return [states[row, :size] for row, size in enumerate(sizes)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("slack", [0, 64])
def test_cached_equals_uncached_with_peeks_between_and_rows_of_different_lengths(
    backbone: Backbone, seed: int, slack: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("motet.nn.cache.SLACK", slack)
    draw, rng = random.Random(seed), torch.Generator().manual_seed(seed)
    docs = [Document() for _ in range(3)]
    cache = Cache(3)
    for turn in range(14):
        sizes = [draw.randint(0, 4) for _ in docs]
        if turn % 4 == 0:
            sizes = [draw.randint(1, 4)] * 3
        if not any(sizes):
            continue
        whole = draw.random() < 0.5
        new = [
            d.extended(torch.randn(n, DIM, generator=rng), whole) if n else d for d, n in zip(docs, sizes, strict=True)
        ]
        public = draw.random() < 0.6
        states = step(backbone, cache, docs, new, public=public)
        for made, doc, n in zip(states, new, sizes, strict=True):
            if n:
                torch.testing.assert_close(made, doc.last_states(backbone, n, public=public), atol=1e-4, rtol=1e-4)
        if public:
            docs = new
        assert cache.held == [len(d.x) for d in docs]


def test_a_peek_is_forgotten_exactly(backbone: Backbone):
    start = Document().extended(torch.randn(5, DIM), False)
    after = start.extended(torch.randn(2, DIM), False)
    made = []
    for peeks in (0, 3):
        cache = Cache(1)
        step(backbone, cache, [Document()], [start], public=True)
        for _ in range(peeks):
            step(backbone, cache, [start], [start.extended(torch.randn(4, DIM), True)], public=False)
        made.append(step(backbone, cache, [start], [after], public=True)[0])
    assert torch.equal(made[0], made[1])


def test_keeping_rows_keeps_what_they_remember_in_the_order_asked(backbone: Backbone):
    docs = [Document().extended(torch.randn(n, DIM), False) for n in (3, 6, 2)]
    cache = Cache(3)
    step(backbone, cache, [Document()] * 3, docs, public=True)
    cache.keep([2, 0])
    assert cache.rows == 2 and cache.held == [2, 3]
    kept = [docs[2], docs[0]]
    new = [doc.extended(torch.randn(2, DIM), False) for doc in kept]
    for made, doc in zip(step(backbone, cache, kept, new, public=True), new, strict=True):
        torch.testing.assert_close(made, doc.last_states(backbone, 2), atol=1e-4, rtol=1e-4)


def test_a_forgotten_row_starts_afresh_while_the_others_remember(backbone: Backbone):
    docs = [Document().extended(torch.randn(n, DIM), False) for n in (4, 5)]
    cache = Cache(2)
    step(backbone, cache, [Document()] * 2, docs, public=True)
    cache.forget(0)
    docs = [Document(), docs[1]]
    new = [doc.extended(torch.randn(3, DIM), False) for doc in docs]
    for made, doc in zip(step(backbone, cache, docs, new, public=True), new, strict=True):
        torch.testing.assert_close(made, doc.last_states(backbone, 3), atol=1e-4, rtol=1e-4)


def test_rows_are_filled_up_to_the_longest_unless_that_would_waste_much(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
):
    def filled(*lengths: int) -> list[int]:
        cache = Cache(len(lengths))
        docs = [Document().extended(torch.randn(n, DIM), False) if n else Document() for n in lengths]
        step(backbone, cache, [Document()] * len(docs), docs, public=True)
        return cache.filled

    monkeypatch.setattr("motet.nn.cache.SLACK", 3)
    assert filled(4, 1, 4) == [4, 4, 4]
    assert filled(9, 5, 9) == [9, 9, 9], "half of the longest"
    assert filled(9, 4, 9) == [9, 4, 9]
    assert filled(9, 0, 8) == [9, 9, 9], "an empty row wastes nothing of its own"


def test_only_the_first_of_the_new_tokens_can_be_committed(backbone: Backbone):
    whole = Document().extended(torch.randn(5, DIM), False)
    cache = Cache(1)
    step(backbone, cache, [Document()], [whole], public=False)
    tags = Tags(torch.zeros(1, 5, dtype=torch.long), whole.block[None], torch.ones(1, 5, dtype=torch.bool))
    backbone(whole.x[None], tags, whole.pos()[None], cache)
    cache.close([2])
    assert cache.held == [2] and (cache.tags.doc[0, 2:] == NO_DOCUMENT).all()
    part = Document()
    part.x, part.block = whole.x[:2], whole.block[:2]
    new = part.extended(torch.randn(1, DIM), False)
    torch.testing.assert_close(
        step(backbone, cache, [part], [new], public=True)[0], new.last_states(backbone, 1), atol=1e-4, rtol=1e-4
    )


def test_growing_past_the_first_slots_changes_nothing_that_is_held(backbone: Backbone):
    doc, cache = Document(), Cache(1)
    for _ in range(2 * GROWTH // 16 + 2):
        new = doc.extended(torch.randn(16, DIM), False)
        states = step(backbone, cache, [doc], [new], public=True)[0]
        doc = new
    assert cache.capacity >= len(doc.x) > 2 * GROWTH and cache.bytes() > 0
    torch.testing.assert_close(states, doc.last_states(backbone, 16), atol=1e-4, rtol=1e-4)
