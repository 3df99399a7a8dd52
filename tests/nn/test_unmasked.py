"""Blocks for unmasked tokens: two ways to leave tokens out, and a slow third that never had them."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from motet.nn.attention import Context
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.backend import BACKENDS
from motet.nn.cache import Cache
from motet.nn.unmasked import Unmasked
from motet.sequence import NO_DOCUMENT, Packed, Span, pack, positions
from support.random_weights import randomise

SHAPE = TransformerShape(dim=16, n_layers=2, n_heads=2, ffn_dim=24, rope_axes=(4, 0, 2, 2))


@pytest.fixture
def backbone() -> Backbone:
    made = Backbone([Unmasked(SHAPE.blocks())], dim=16, rope=SHAPE.rope())
    return randomise(made, torch.Generator().manual_seed(5), spread=0.4)


def document(words: int, hidden: list[int], behind: int = 1) -> list[Span]:
    """Some text, a picture of 3 x 3 tokens of which some are masked, and text behind it."""
    masked = torch.zeros(9, dtype=torch.bool)
    masked[hidden] = True
    ids = torch.zeros(words + behind, dtype=torch.long)
    return [
        Span("text", ids[:words], positions(words, 0)),
        Span("image", torch.zeros(9, 1), positions(9, words, (3, 3)), whole=True, masked=masked),
        Span("text", ids[words:], positions(behind, words + 9)),
    ]


def batch() -> Packed:
    """Rows with very different numbers of masked tokens, documents behind each other, and padding."""
    documents = [document(20, [0, 1, 2, 4, 8]), document(3, list(range(9))), document(9, [], 3), document(2, [5])]
    return pack(documents, rows=2, length=48)


def context(backbone: Backbone, packed: Packed, backend: str = "sdpa") -> Context:
    chosen = BACKENDS[backend]()
    rotation, mask = backbone.rope(packed.pos), chosen.mask(packed.tags, packed.tags)
    return Context(chosen, mask, rotation, tags=packed.tags, masked=packed.hidden())


def without_masked(backbone: Backbone, packed: Packed, x: Tensor) -> Tensor:
    """The slow twin: each document by itself, its masked tokens cut out, through the plain blocks."""
    out = x.clone()
    plain = Backbone(list(backbone.blocks[0].blocks), dim=16, rope=SHAPE.rope())
    plain.norm = torch.nn.Identity()
    for row in range(len(x)):
        for doc in packed.tags.doc[row].unique().tolist():
            at = ((packed.tags.doc[row] == doc) & ~packed.hidden()[row]).nonzero()[:, 0]
            if doc != NO_DOCUMENT:
                out[row, at] = plain(
                    x[row : row + 1, at], packed.tags[row : row + 1, at], packed.pos[row : row + 1, at]
                )[0][0]
    return out


@pytest.mark.parametrize("backend", ["reference", "dense", "sdpa"])
def test_both_ways_equal_a_document_that_never_had_the_masked_tokens(backbone: Backbone, backend: str):
    packed, x = batch(), torch.randn(2, 48, 16)
    real = packed.tags.doc != NO_DOCUMENT
    assert 5 + 9 + 1 == int(packed.hidden().sum()) and not real.all()
    encoder, ctx = backbone.blocks[0], context(backbone, packed, backend)
    with torch.no_grad():
        expected = without_masked(backbone, packed, x)
        for way in (encoder.dropped, encoder.unseen):
            torch.testing.assert_close(way(x, ctx)[0][real], expected[real], atol=1e-5, rtol=1e-5)


def test_what_is_left_runs_in_fewer_rows(backbone: Backbone):
    packed = pack([document(5, list(range(9))) for _ in range(20)], rows=10, length=30)
    shapes = []
    backbone.blocks[0].blocks[0].register_forward_hook(lambda module, given, made: shapes.append(given[0].shape[:2]))
    backbone.blocks[0].dropped(torch.randn(10, 30, 16), context(backbone, packed))
    assert shapes == [(4, 30)], "20 documents keep 6 tokens each"


def test_rows_may_number_their_documents_alike(backbone: Backbone):
    """As the driver does, in which every row is document 0."""
    packed, x = pack([document(5, [0, 1, 2, 3]), document(4, [2, 7])], rows=2, length=15), torch.randn(2, 15, 16)
    alike = replace(packed, tags=replace(packed.tags, doc=packed.tags.doc.clamp_max(0)))
    with torch.no_grad():
        one = backbone.blocks[0].dropped(x, context(backbone, packed))[0]
        other = backbone.blocks[0].dropped(x, context(backbone, alike))[0]
    torch.testing.assert_close(one, other)


def test_masked_tokens_leave_as_they_came_and_nobody_knows_of_them(backbone: Backbone):
    packed, x = batch(), torch.randn(2, 48, 16)
    masked, ctx = packed.hidden(), context(backbone, packed)
    other = torch.where(masked[..., None], torch.randn_like(x), x)
    with torch.no_grad():
        for way in (backbone.blocks[0].dropped, backbone.blocks[0].unseen):
            made, changed = way(x, ctx)[0], way(other, ctx)[0]
            assert torch.equal(made[masked], x[masked]) and torch.equal(changed[masked], other[masked])
            assert torch.equal(made[~masked], changed[~masked])


def test_both_ways_have_the_same_gradients(backbone: Backbone):
    packed, ctx = batch(), context(backbone, batch(), "dense")
    real = (packed.tags.doc != NO_DOCUMENT)[..., None]
    weight = torch.randn(2, 48, 16) * real
    gradients = []
    for way in (backbone.blocks[0].dropped, backbone.blocks[0].unseen):
        x = torch.randn(2, 48, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
        inside = list(backbone.blocks[0].parameters())
        gradients.append(torch.autograd.grad((way(x, ctx)[0] * weight).sum(), [x, *inside]))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_peeks_over_a_cache_equal_the_packed_rows(backbone: Backbone):
    """Two branches with prompts of different length peek at a picture of which different tokens are masked."""
    packed = pack([document(7, [0, 4, 8])[:2], document(2, [1])[:2]], rows=2, length=16)
    x = torch.randn(2, 16, 16)
    cache = Cache(2)
    with torch.no_grad():
        whole, _ = backbone(x, packed.tags, packed.pos, masked=packed.hidden())
        short = packed.tags[:, :7]
        padded = replace(short, doc=torch.where(short.block < torch.tensor([[7], [2]]), short.doc, NO_DOCUMENT))
        backbone(x[:, :7], padded, packed.pos[:, :7], cache, masked=torch.zeros(2, 7, dtype=torch.bool))
        cache.close([7, 2])
        at = torch.tensor([[7], [2]]) + torch.arange(9)
        row = torch.arange(2)[:, None]
        for _ in range(2):  # a peek leaves no trace for the next
            peeked, _ = backbone(
                x[row, at], packed.tags[row, at], packed.pos[row, at], cache, masked=packed.hidden()[row, at]
            )
            cache.close([0, 0])
            torch.testing.assert_close(peeked, whole[row, at], atol=1e-5, rtol=1e-5)
