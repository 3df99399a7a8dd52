"""The attention module: grouped heads, and a backbone by the reference."""

from dataclasses import replace

import pytest
import torch

from motet.errors import CapabilityError, ConfigError, ShapeError
from motet.nn.attention import Attention, Context
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.backend import choose_backend
from motet.nn.rope import Rope
from motet.sequence import Tags, positions
from support.random_weights import randomise

SHAPE = TransformerShape(dim=24, n_layers=2, n_heads=4, n_kv_heads=2, ffn_dim=32, qk_norm=True)


def stirred(module: torch.nn.Module) -> torch.nn.Module:
    return randomise(module, torch.Generator().manual_seed(9), spread=0.3)


def causal(rows: int, tokens: int) -> Tags:
    block = torch.arange(tokens).expand(rows, tokens)
    return Tags(torch.zeros_like(block), block, torch.ones_like(block, dtype=torch.bool))


def context(rope: Rope, tags: Tags) -> Context:
    backend = choose_backend("reference", torch.device("cpu"), grad=False, row_length=tags.doc.shape[1])
    pos = positions(tags.doc.shape[1], 0).expand(tags.doc.shape[0], -1, -1)
    return Context(backend, backend.mask(tags, tags), rope(pos))


@pytest.mark.parametrize("qk_norm", [False, True])
def test_grouped_queries_equal_full_heads_with_repeated_keys_and_values(qk_norm: bool):
    grouped = stirred(Attention(24, 4, n_kv_heads=2, qk_norm=qk_norm))
    full = Attention(24, 4, qk_norm=qk_norm)
    q, k, v = grouped.qkv.weight.data.view(8, 6, 24).split([4, 2, 2])
    full.load_state_dict(
        grouped.state_dict() | {"qkv.weight": torch.cat([q, k[[0, 0, 1, 1]], v[[0, 0, 1, 1]]]).view(-1, 24)}
    )
    x = torch.randn(2, 7, 24)
    ctx = context(Rope(6), causal(2, 7))
    torch.testing.assert_close(grouped(x, ctx), full(x, ctx))


def test_qk_norm_makes_scores_blind_to_the_scale_of_the_input():
    attention = stirred(Attention(24, 4, qk_norm=True))
    x, ctx = torch.randn(1, 5, 24), context(Rope(6), causal(1, 5))
    torch.testing.assert_close(attention(10 * x, ctx), 10 * attention(x, ctx), atol=1e-3, rtol=1e-3)


def test_heads_that_do_not_divide_are_refused():
    with pytest.raises(ShapeError, match="4 query heads cannot share 3 key-value heads"):
        Attention(24, 4, n_kv_heads=3)
    with pytest.raises(ConfigError, match="dim 25 does not divide into 4 heads"):
        TransformerShape(dim=25, n_heads=4)


@pytest.mark.parametrize("name", ["dense", "sdpa", "auto"])
def test_a_backbone_gives_the_same_under_every_back_end(name: str):
    plain, backbone = (stirred(Backbone.plain(replace(SHAPE, attention=which))) for which in ("reference", name))
    x, tags, pos = torch.randn(2, 9, 24), causal(2, 9), positions(9, 0).expand(2, -1, -1)
    with torch.no_grad():
        expected, _ = plain(x, tags, pos)
        made, _ = backbone(x, tags, pos)
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)


def test_a_backbone_that_learns_refuses_flex_on_a_cpu_even_if_its_input_needs_no_gradient():
    backbone = Backbone.plain(replace(SHAPE, attention="flex"))
    with pytest.raises(CapabilityError, match="no backward pass"):
        backbone(torch.randn(1, 4, 24), causal(1, 4), positions(4, 0)[None])


def test_a_shape_without_key_value_heads_gives_each_query_head_its_own():
    attention = TransformerShape(dim=24, n_heads=4).blocks()[0].attention
    assert attention.n_kv_heads == 4 and attention.qkv.weight.shape[0] == 3 * 24
