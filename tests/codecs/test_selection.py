"""How many patches are kept: by content, or the same number of every picture."""

import pytest
import torch
from torch import Tensor

from motet.codecs.dynamic import Dynamic, DynamicShape
from motet.codecs.selection import AsAsked, Most


def logits(n: int = 40, t: int = 9) -> Tensor:
    return torch.randn(n, t, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(("rate", "kept"), [(0.01, 1), (0.5, 4), (0.99, 9)])
def test_a_fixed_number_is_kept_of_every_picture_and_it_is_what_is_asked_for_most(rate: float, kept: int):
    asked = logits()
    keep = Most(rate).keep(asked)
    assert torch.equal(keep.sum(1), torch.full((40,), float(kept))) and set(keep.unique().tolist()) <= {0.0, 1.0}
    for row, one in zip(keep, asked, strict=True):
        assert set(row.nonzero()[:, 0].tolist()) == set(one.topk(kept).indices.tolist())
    assert torch.equal(Most(rate).keep(asked + 5.0), keep), "a threshold changes nothing"


def test_while_the_selector_learns_both_keep_what_it_asks_for():
    asked, noise = logits(), torch.logit(torch.rand(40, 9, generator=torch.Generator().manual_seed(4)))
    keep = Most(0.5).keep(asked, noise)
    assert torch.equal(keep, AsAsked(0.5).keep(asked, noise)) and len(set(keep.sum(1).round().tolist())) > 2


def test_a_batch_may_miss_no_rate_where_each_of_its_pictures_does():
    keep = torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    assert AsAsked(0.5).missed(keep) == 0 and Most(0.5).missed(keep) == 0.25
    assert AsAsked(0.25).missed(keep) == 0.0625


def test_a_tokenizer_of_a_fixed_number_learns_which_and_writes_sentences_of_one_length():
    shape = DynamicShape(
        patch=4,
        rate=0.5,
        number="fixed",
        codebook_size=12,
        code_dim=4,
        dim=16,
        n_heads=2,
        encoder_layers=1,
        merger_layers=1,
        painter_layers=1,
    )
    rng = torch.Generator().manual_seed(0)
    codec, pixels = Dynamic(shape, side=12), torch.rand(8, 3, 8, 12, generator=rng) * 2 - 1
    for parameter in codec.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
    codec.choose()
    terms = codec.loss(pixels, codec.noise_for(pixels, rng))
    assert terms["rate"] > 0
    codec.objective(terms).backward()
    assert codec.selector.project_out.weight.grad.abs().max() > 0
    codec.quantise(pixels, rng)
    assert [len(sentence) for sentence in codec.sentences(pixels)] == [3 + 1] * 8
    assert codec.numbers(pixels)["kept_std"] == 0
