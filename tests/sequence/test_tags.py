"""The one attention rule, entry for entry against masks that are each written in their own paper's terms."""

import pytest
import torch
from torch import Tensor

from motet.sequence import NO_DOCUMENT, Span, Tags, pack, positions, sees


def span(n: int, *, whole: bool = False, public: bool = True) -> Span:
    return Span("text", torch.arange(n), positions(n, 0), whole=whole, public=public)


def drawn(*docs: list[Span], length: int = 0) -> Tensor:
    """The mask of documents packed into one row."""
    total = sum(len(s) for doc in docs for s in doc)
    tags = pack(docs, rows=1, length=length or total).tags
    return sees(tags, tags)[0]


def from_rule(size: int, rule) -> Tensor:
    return torch.tensor([[bool(rule(q, k)) for k in range(size)] for q in range(size)])


def test_text_in_several_packed_documents_is_causal_inside_each():
    tags = pack([[span(n)] for n in (3, 1, 4)], rows=1, length=8).tags
    doc = [0, 0, 0, 1, 2, 2, 2, 2]
    assert tags.doc[0].tolist() == doc
    assert torch.equal(sees(tags, tags)[0], from_rule(8, lambda q, k: doc[q] == doc[k] and k <= q))


@pytest.mark.parametrize(
    "runs", [[(2, 0), (3, 1), (2, 0)], [(1, 0), (2, 1), (1, 0), (4, 1), (2, 0)], [(1, 0), (3, 1), (2, 1), (1, 0)]]
)
def test_transfusion_pictures_see_themselves_whole_and_text_stays_causal(runs: list[tuple[int, int]]):
    """Transfusion: causal, plus every pair inside one picture; adjacent pictures stay apart."""
    size = sum(n for n, _ in runs)
    expected = torch.ones(size, size, dtype=torch.bool).tril()
    start = 0
    for n, picture in runs:
        if picture:
            expected[start : start + n, start : start + n] = True
        start += n
    assert torch.equal(drawn([span(n, whole=bool(picture)) for n, picture in runs]), expected)


def test_acdit_skip_causal_mask_is_the_drawing_of_the_design():
    drawing = """
        x.....
        .x....
        .xx...
        .x.x..
        .x.xx.
        .x.x.x
    """
    expected = torch.tensor([[mark == "x" for mark in line.strip()] for line in drawing.strip().splitlines()])
    spans = [span(1, whole=True, public=clean) for _ in range(3) for clean in (False, True)]
    assert torch.equal(drawn(spans), expected)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_acdit_blocks_of_several_tokens_expand_the_same_drawing(size: int):
    spans = [span(size, whole=True, public=clean) for _ in range(3) for clean in (False, True)]
    small = drawn([span(1, whole=True, public=clean) for _ in range(3) for clean in (False, True)])
    assert torch.equal(drawn(spans), small.repeat_interleave(size, 0).repeat_interleave(size, 1))


def test_bd3_lm_mask_is_block_diagonal_offset_causal_and_block_causal():
    """BD3-LM lays [noised | clean]; ours interleaves them, so masks are compared in its order."""
    n_blocks, size = 3, 2
    spans = [span(size, whole=True, public=clean) for _ in range(n_blocks) for clean in (False, True)]
    ours = drawn(spans)
    tokens = n_blocks * size
    order = [2 * size * (i // size) + i % size for i in range(tokens)]
    order += [i + size for i in order]

    def theirs(q: int, k: int) -> bool:
        q_noised, k_noised = q < tokens, k < tokens
        q_block, k_block = q % tokens // size, k % tokens // size
        block_diagonal = q_block == k_block and q_noised == k_noised
        offset_causal = q_block > k_block and not k_noised and q_noised
        block_causal = q_block >= k_block and not k_noised and not q_noised
        return block_diagonal or offset_causal or block_causal

    assert torch.equal(ours[order][:, order], from_rule(2 * tokens, theirs))


def test_prefix_lm_mask_is_full_on_the_prefix_and_causal_behind_it():
    prefix, rest = 3, 4
    expected = from_rule(prefix + rest, lambda q, k: k < prefix or k <= q)
    assert torch.equal(drawn([span(prefix, whole=True), span(rest)]), expected)


def test_padding_is_seen_by_no_document_and_sees_none_but_is_never_left_without_a_key():
    mask = drawn([span(3)], [span(2)], length=8)
    assert not mask[:5, 5:].any() and not mask[5:, :5].any()
    assert mask.any(-1).all(), "a softmax over no key is not a number"


def test_random_tags_follow_the_rule_word_for_word():
    rng = torch.Generator().manual_seed(1)
    doc = torch.randint(-1, 3, (2, 20), generator=rng)
    block = torch.randint(0, 4, (2, 20), generator=rng)
    public = torch.rand(2, 20, generator=rng) < 0.5
    tags = Tags(doc, block, public)
    query = tags[:, 5:12]
    mask = sees(query, tags)
    assert mask.shape == (2, 7, 20)
    for row in range(2):
        for q in range(7):
            for k in range(20):
                one = doc[row, q + 5] == doc[row, k]
                two = block[row, k] == block[row, q + 5] or (block[row, k] < block[row, q + 5] and public[row, k])
                assert bool(mask[row, q, k]) == (bool(one) and bool(two))


def test_empty_tags_are_all_padding():
    assert (Tags.empty(2, 3).doc == NO_DOCUMENT).all()
