"""Every attention back-end gives what the obvious one gives."""

import math
import shutil
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import flex_attention

from motet.errors import CapabilityError, ConfigError
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.backend import BACKENDS, AttentionName, _compiled_flex, choose_backend
from motet.nn.cache import Cache
from motet.nn.compiler import lacks_for_compiling
from motet.sequence import Tags, positions, sees
from support.random_weights import randomise

CPU = torch.device("cpu")


def random_tags(rng: torch.Generator, rows: int, tokens: int) -> Tags:
    """Several documents and padding in every row, with a random mixture of public and private blocks."""
    doc = torch.randint(-1, 3, (rows, tokens), generator=rng)
    return Tags(doc, torch.randint(0, 5, (rows, tokens), generator=rng), torch.rand(rows, tokens, generator=rng) < 0.6)


def random_qkv(rng: torch.Generator, rows: int, q: int, k: int, heads: int, kv: int, e: int = 16) -> list[Tensor]:
    return [torch.randn(rows, h, n, e, generator=rng) for h, n in ((heads, q), (kv, k), (kv, k))]


def one_by_one(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Attention of each query by the definition, with exponentials and sums in double precision."""
    out = torch.zeros_like(q)
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            other = h // (q.shape[1] // k.shape[1])
            for i in range(q.shape[2]):
                seen = mask[b, i].nonzero()[:, 0].tolist()
                weights = [
                    math.exp(float(q[b, h, i].double() @ k[b, other, j].double()) / q.shape[3] ** 0.5) for j in seen
                ]
                out[b, h, i] = sum(w * v[b, other, j] for w, j in zip(weights, seen, strict=True)) / sum(weights)
    return out


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """FlexAttention as plain operations: compiling costs seconds, so the last test pays for it and no other does."""
    monkeypatch.setattr("motet.nn.backend._compiled_flex", lambda: flex_attention)
    monkeypatch.setattr("motet.nn.backend.lacks_for_compiling", lambda device: None)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(("heads", "kv"), [(4, 4), (4, 2), (4, 1)])
def test_back_ends_agree_on_random_tags(name: str, heads: int, kv: int):
    rng = torch.Generator().manual_seed(heads + kv)
    tags = random_tags(rng, 3, 24)
    q, k, v = random_qkv(rng, 3, 24, 24, heads, kv)
    with torch.no_grad():
        backend = choose_backend(name, torch.device("cpu"), grad=False, row_length=24)
        made = backend.attend(q, k, v, backend.mask(tags, tags))
    torch.testing.assert_close(made, one_by_one(q, k, v, sees(tags, tags)), atol=2e-6, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("name", BACKENDS)
def test_back_ends_agree_where_queries_are_fewer_than_keys(name: str):
    rng = torch.Generator().manual_seed(3)
    tags = random_tags(rng, 2, 24)
    q, k, v = random_qkv(rng, 2, 5, 24, 4, 2)
    query = tags[:, 19:]
    with torch.no_grad():
        backend = choose_backend(name, torch.device("cpu"), grad=False, row_length=5)
        made = backend.attend(q, k, v, backend.mask(query, tags))
    torch.testing.assert_close(made, one_by_one(q, k, v, sees(query, tags)), atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("name", ["dense", "sdpa"])
def test_gradients_agree_with_the_reference(name: str):
    rng = torch.Generator().manual_seed(4)
    tags = random_tags(rng, 2, 12)
    inputs = random_qkv(rng, 2, 12, 12, 4, 2)
    grads = []
    for which in (name, "reference"):
        leaves = [x.clone().requires_grad_() for x in inputs]
        backend = choose_backend(which, torch.device("cpu"), grad=True, row_length=12)
        backend.attend(*leaves, backend.mask(tags, tags)).square().sum().backward()
        grads.append([leaf.grad for leaf in leaves])
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_flex_refuses_to_train_on_a_cpu_before_any_work():
    with pytest.raises(CapabilityError, match="no backward pass on a CPU; train with 'dense' or 'sdpa'"):
        choose_backend("flex", torch.device("cpu"), grad=True, row_length=8)


def test_flex_refuses_a_machine_without_a_compiler_before_any_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(CapabilityError, match=r"neither g\+\+ nor clang\+\+ .*backbone\.attention=auto chooses"):
        choose_backend("flex", torch.device("cpu"), grad=False, row_length=8)


def test_an_unknown_back_end_is_an_error_that_lists_the_known_ones():
    with pytest.raises(
        ConfigError, match="unknown attention back-end 'flash'; expected one of: auto, reference, dense"
    ):
        choose_backend("flash", torch.device("cpu"), grad=False, row_length=8)


def test_auto_is_never_flex_on_a_cpu():
    for grad in (True, False):
        for length in (16, 10_000):
            chosen = choose_backend("auto", torch.device("cpu"), grad=grad, row_length=length)
            assert type(chosen) in (BACKENDS["dense"], BACKENDS["sdpa"])


def test_what_a_backbone_may_ask_for_is_what_there_is():
    assert set(get_args(AttentionName)) == {"auto", *BACKENDS}


@pytest.mark.skipif(
    lacks_for_compiling(CPU) is not None or not torch.cpu._is_avx2_supported(),
    reason="this CPU cannot compile FlexAttention",
)
def test_compiled_flex_gives_what_the_reference_gives_and_skips_keys_that_nobody_sees():
    """The end of a row behind a cache of it; the first of three blocks of keys is of other documents."""
    rng = torch.Generator().manual_seed(5)
    tags = replace(random_tags(rng, 2, 300), doc=(torch.arange(300) // 100).repeat(2, 1))
    q, k, v = random_qkv(rng, 2, 44, 300, 4, 2)
    query = tags[:, 256:]
    assert _compiled_flex() is not flex_attention
    with torch.no_grad():
        flex, reference = (choose_backend(name, CPU, grad=False, row_length=44) for name in ("flex", "reference"))
        mask = flex.mask(query, tags)
        assert int((mask.kv_num_blocks + mask.full_kv_num_blocks).max()) == 2
        made, expected = flex.attend(q, k, v, mask), reference.attend(q, k, v, reference.mask(query, tags))
    torch.testing.assert_close(made, expected, atol=5e-6, rtol=1e-4)


@pytest.mark.skipif(
    lacks_for_compiling(CPU) is not None or not torch.cpu._is_avx2_supported(),
    reason="this CPU cannot compile FlexAttention",
)
def test_behind_a_cache_that_grows_flex_gives_what_the_reference_gives_and_is_compiled_once():
    backbone = Backbone.plain(TransformerShape(dim=32, n_layers=2, n_heads=2, ffn_dim=64)).requires_grad_(False)
    randomise(backbone, torch.Generator().manual_seed(0), spread=0.3)
    x = torch.randn(1, 12, 32, generator=torch.Generator().manual_seed(1))
    tags = Tags(torch.zeros(1, 12, dtype=torch.long), torch.arange(12)[None], torch.ones(1, 12, dtype=torch.bool))
    pos = positions(12, 0)[None]

    def states(name: AttentionName) -> Tensor:
        backbone.attention = name
        cache, made = Cache(1), []
        for start in range(0, 12, 2):
            some = slice(start, start + 2)
            made.append(backbone(x[:, some], tags[:, some], pos[:, some], cache)[0])
            cache.close([2])
        return torch.cat(made, 1)

    expected = states("reference")
    with torch._dynamo.config.patch(error_on_recompile=True):
        torch._dynamo.reset()
        made = states("flex")
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=1e-4)


def test_flex_refuses_a_cpu_whose_instructions_its_kernels_do_not_fit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cpu, "_is_avx2_supported", lambda: False)
    with pytest.raises(CapabilityError, match="AVX2"):
        choose_backend("flex", CPU, grad=False, row_length=8)
