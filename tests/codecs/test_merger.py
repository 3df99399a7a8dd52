"""Selection, and what kept tokens see of dropped ones."""

import torch
from torch import Tensor

from motet.codecs.merger import MaskedAttention, Merger, select
from support.random_weights import randomise


def stirred(module: torch.nn.Module) -> torch.nn.Module:
    return randomise(module, torch.Generator().manual_seed(0), spread=0.4)


def patches(seed: int = 0) -> Tensor:
    return torch.randn(1, 6, 8, generator=torch.Generator().manual_seed(seed))


def test_masked_attention_is_attention_over_what_the_mask_shows_and_a_key_that_says_nothing():
    attention = stirred(MaskedAttention(8, 2))
    x, mask = patches(), torch.tensor([[1.0, 0, 1, 1, 0, 0]])
    q = attention.q_norm(attention.query(x).view(6, 2, 4).transpose(0, 1))
    k, v = attention.key_value(x[:, [0, 2, 3]]).view(3, 4, 4).transpose(0, 1).chunk(2)
    k = torch.cat([torch.zeros(2, 1, 4), attention.k_norm(k)], 1)
    v = torch.cat([torch.zeros(2, 1, 4), v], 1)
    expected = attention.out(((q @ k.mT / 2).softmax(-1) @ v).transpose(0, 1).flatten(1))
    torch.testing.assert_close(attention(x, x, mask[:, None])[0], expected, atol=1e-5, rtol=1e-4)
    assert not attention(x, x, torch.zeros(1, 1, 6)).any(), "what sees nothing takes nothing over"


def test_the_first_patch_that_is_dropped_has_a_gradient_of_the_size_of_others():
    attention, sizes = stirred(MaskedAttention(8, 2)), []
    for dropped in (torch.zeros(1, 1, 6), torch.tensor([[[1.0, 0, 0, 0, 0, 0]]])):
        mask = dropped.clone().requires_grad_(True)
        attention(patches(), patches(), mask).sum().backward()
        sizes.append(float(mask.grad.norm()))
    assert sizes[0] < 10 * max(1.0, sizes[1])


def test_selection_is_hard_with_the_gradient_of_the_sigmoid_and_keeps_at_least_one():
    logits = torch.tensor([[-1.0, 2.0, 0.5], [-3.0, -2.0, -5.0]], requires_grad=True)
    keep = select(logits)
    torch.testing.assert_close(keep, torch.tensor([[0.0, 1, 1], [0, 1, 0]]))
    keep.sum().backward()
    sigmoid = logits.detach().sigmoid()
    torch.testing.assert_close(logits.grad, sigmoid * (1 - sigmoid))
    torch.testing.assert_close(select(logits, torch.tensor([[2.0, -3, 0]] * 2)).detach()[0], torch.tensor([1.0, 0, 1]))


def test_logistic_noise_keeps_each_patch_with_the_sigmoid_of_its_logit():
    uniform = torch.rand(20_000, 2, generator=torch.Generator().manual_seed(0)).clamp(1e-6, 1 - 1e-6)
    kept = select(torch.tensor([1.0, 4.0]).expand(20_000, 2), torch.logit(uniform)).mean(0)
    assert abs(float(kept[0]) - 0.731) < 0.02 and float(kept[1]) > 0.97


def test_a_kept_token_sees_earlier_kept_ones_and_all_dropped_ones_and_no_later_kept_one():
    merger = stirred(Merger(8, 2, 2))
    keep = torch.tensor([[1.0, 0, 1, 0, 1, 0]])
    before = merger(patches(), keep)
    moves = {}
    for changed in range(6):
        x = patches().index_copy(1, torch.tensor([changed]), patches(1)[:, [changed]])
        moved = (merger(x, keep) - before).abs().amax(-1)[0] > 1e-4
        moves[changed] = [at for at in (0, 2, 4) if moved[at]]
    assert moves == {0: [0, 2, 4], 1: [0, 2, 4], 2: [2, 4], 3: [0, 2, 4], 4: [4], 5: [0, 2, 4]}


def test_what_a_patch_would_change_reaches_its_logit():
    merger = stirred(Merger(8, 1, 2))
    logits = torch.tensor([[1.0, -1, 1, -1, 1, -1]], requires_grad=True)
    merger(patches(), select(logits))[:, 0].square().sum().backward()
    assert logits.grad is not None and (logits.grad[0, [1, 3, 5]].abs() > 0).all()
