"""Attention back-ends: four ways to compute one thing.

Each turns query and key tags into the mask that it wants (once per batch), then attends. Each says what it cannot do,
and refuses before any work is done.

- ``reference``: obvious and slow, in fp32; what the others are tested against.
- ``dense``:     matmul, bias, softmax, matmul. On a CPU it trains short rows 3 to 7 times faster than the fused kernel,
                 whose backward is slow there; ``torch.compile`` fuses its middle.
- ``sdpa``:      ``scaled_dot_product_attention`` with a boolean mask: inference, long rows, CUDA.
- ``flex``:      FlexAttention with the rule as its predicate; CUDA, and CPU inference.
"""

from abc import ABC, abstractmethod
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from torch.nn.functional import pad, scaled_dot_product_attention

from motet.errors import CapabilityError, ConfigError
from motet.nn.compiler import lacks_for_compiling
from motet.sequence import Tags, sees

AttentionName = Literal["auto", "reference", "dense", "sdpa", "flex"]
"""What a backbone may ask for: a back-end, or the fastest one."""

DENSE_ROW_LIMIT = 384
"""Rows up to this long train faster with ``dense`` than with ``sdpa`` on a CPU (16 to 256 tokens: 7x to 1.5x)."""


class Backend(ABC):
    """One way to compute masked attention over ``q [b, h, t, e]`` and ``k, v [b, kv, s, e]``, kv dividing h."""

    @abstractmethod
    def check(self, device: torch.device, *, grad: bool) -> None:
        """Raises CapabilityError if this back-end cannot run there."""

    @abstractmethod
    def mask(self, query: Tags, key: Tags) -> Any:
        """The mask in this back-end's own form."""

    @abstractmethod
    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Any) -> Float[Tensor, "b h t e"]:
        """Softmax of ``q k / sqrt(e)`` over the seen keys, times ``v``."""


class Reference(Backend):
    """A loop over rows and heads, in fp32."""

    def check(self, device: torch.device, *, grad: bool) -> None:
        return

    def mask(self, query: Tags, key: Tags) -> Tensor:
        return sees(query, key)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Float[Tensor, "b h t e"]:
        group = q.shape[1] // k.shape[1]
        rows = []
        for row in range(q.shape[0]):
            heads = []
            for head in range(q.shape[1]):
                scores = q[row, head].float() @ k[row, head // group].float().T / q.shape[-1] ** 0.5
                weights = scores.masked_fill(~mask[row], -torch.inf).softmax(-1)
                heads.append(weights @ v[row, head // group].float())
            rows.append(torch.stack(heads))
        return torch.stack(rows).to(q.dtype)


class Dense(Backend):
    """Plain matrix products with an additive bias."""

    def check(self, device: torch.device, *, grad: bool) -> None:
        return

    def mask(self, query: Tags, key: Tags) -> Tensor:
        return torch.where(sees(query, key), 0.0, -1e9)[:, None]

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Float[Tensor, "b h t e"]:
        group = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        return (scores.float() + mask).softmax(-1).to(v.dtype) @ v


class Sdpa(Backend):
    """PyTorch's fused kernel with a boolean mask, or with none where everything is seen."""

    def check(self, device: torch.device, *, grad: bool) -> None:
        return

    def mask(self, query: Tags, key: Tags) -> Tensor | None:
        """None for a lone token that sees every key; to find that out is free on a CPU alone."""
        seen = sees(query, key)[:, None]
        lone = seen.device.type == "cpu" and seen.shape[-2] == 1
        return None if lone and bool(seen.all()) else seen

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Float[Tensor, "b h t e"]:
        return scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=q.shape[1] != k.shape[1])


KEY_BLOCK = 128
UNSEEN = -2
"""The document of keys that nothing sees, not even padding, which shares one."""


class Flex(Backend):
    """FlexAttention: the rule itself is the predicate, and blocks that nobody sees are skipped.

    A kernel is compiled for each shape, so keys are filled up to whole blocks and queries to a power of two: a cache
    that grows by a token at a time would wait seconds for each.
    """

    def check(self, device: torch.device, *, grad: bool) -> None:
        if device.type == "cpu" and grad:
            raise CapabilityError(
                "attention back-end 'flex' has no backward pass on a CPU; train with 'dense' or 'sdpa' "
                "(backbone.attention=auto chooses), or generate under torch.no_grad()"
            )
        lack = lacks_for_compiling(device)
        if device.type == "cpu" and not torch.cpu._is_avx2_supported():
            lack = "its kernels for a CPU are of AVX2 instructions, which this one lacks"
        if lack:
            raise CapabilityError(
                f"attention back-end 'flex' is compiled when it is used, but {lack}; install it, or take 'dense' or "
                "'sdpa' (backbone.attention=auto chooses)"
            )

    def mask(self, query: Tags, key: Tags) -> BlockMask:
        def rule(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
            same_doc = query.doc[b, q] == key.doc[b, k]
            same_block = query.block[b, q] == key.block[b, k]
            return same_doc & (same_block | ((key.block[b, k] < query.block[b, q]) & key.public[b, k]))

        query, key = (
            query.filled_up(_power_of_two(query.doc.shape[1])),
            key.filled_up(_blocks(key.doc.shape[1]), doc=UNSEEN),
        )
        (rows, n_query), n_key = query.doc.shape, key.doc.shape[1]
        return create_block_mask(rule, rows, None, n_query, n_key, device=query.doc.device)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: BlockMask) -> Float[Tensor, "b h t e"]:
        n, (n_query, n_key) = q.shape[2], mask.seq_lengths
        q, k, v = (pad(x, (0, 0, 0, to - x.shape[2])) for x, to in ((q, n_query), (k, n_key), (v, n_key)))
        attended = _compiled_flex()(q, k, v, block_mask=mask, enable_gqa=q.shape[1] != k.shape[1])
        assert isinstance(attended, Tensor)
        return attended[:, :, :n]


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()


def _blocks(n: int) -> int:
    return -(-n // KEY_BLOCK) * KEY_BLOCK


def _compiled_flex() -> Any:
    """FlexAttention is only fast, and on a CPU only memory-light, when compiled; a compiled model inlines it."""
    return flex_attention if torch.compiler.is_compiling() else torch.compile(flex_attention, dynamic=False)


BACKENDS: dict[str, type[Backend]] = {"reference": Reference, "dense": Dense, "sdpa": Sdpa, "flex": Flex}


def choose_backend(name: str, device: torch.device, *, grad: bool, row_length: int) -> Backend:
    """The back-end of that name, or for "auto" the fastest for this device and length.

    Raises ConfigError for an unknown name and CapabilityError if the named one cannot run here.
    """
    if name == "auto":
        name = "dense" if device.type == "cpu" and grad and row_length <= DENSE_ROW_LIMIT else "sdpa"
    if name not in BACKENDS:
        raise ConfigError(f"unknown attention back-end {name!r}; expected one of: auto, {', '.join(BACKENDS)}")
    backend = BACKENDS[name]()
    backend.check(device, grad=grad)
    return backend
