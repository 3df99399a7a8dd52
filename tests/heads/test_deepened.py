"""A head behind a layer of its own."""

import torch

from motet.heads.categorical import Categorical
from motet.heads.deepened import Deepened
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.heads.head import Wishes


def test_it_is_the_inner_head_on_what_its_layer_makes_of_the_state():
    head, h = Deepened(6, Categorical(6, 9)), torch.randn(2, 5, 6)
    value, rng = torch.tensor([0, 3, 8, 1, 1]), torch.Generator().manual_seed(0)
    seen = torch.nn.functional.gelu(h @ head.layer[0].weight.T + head.layer[0].bias)
    torch.testing.assert_close(head.loss(h[0], value, rng), head.inner.loss(seen[0], value, rng))
    how = head.settings(Wishes(top_k=3))
    noise = head.noise(5, how, rng)
    assert how == head.inner.settings(Wishes(top_k=3))
    assert torch.equal(head.sample(h, noise, how), head.inner.sample(seen, noise, how))


def test_it_passes_as_often_as_the_inner_head():
    assert Deepened(6, Diffusion(6, 4, DiffusionShape(width=8, n_layers=1, ffn_dim=8, draws=3))).passes == 3
