"""Self-attention with grouped queries, rotary positions and an optional norm on queries and keys."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motet.errors import ShapeError
from motet.nn.backend import Backend
from motet.nn.cache import Cache
from motet.nn.condition import Condition
from motet.nn.linear import linear
from motet.nn.norm import RMSNorm
from motet.nn.rope import Rotation, rotate
from motet.sequence import Tags


@dataclass(frozen=True)
class Context:
    """What a block may know of the batch besides its input: who sees whom, where tokens are, and what is cached."""

    backend: Backend
    mask: Any
    rotation: Rotation
    cache: Cache | None = None
    tags: Tags | None = None
    masked: Bool[Tensor, "b t"] | None = None
    condition: Condition | None = None


class Attention(nn.Module):
    """Multi-head attention; queries, keys and values are one matrix.

    n_kv_heads < n_heads shares each key-value head among a group of query heads (Ainslie et al. 2023).
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        *,
        n_kv_heads: int | None = None,
        head_dim: int | None = None,
        qk_norm: bool = False,
        qkv_bias: bool = False,
        out_bias: bool = False,
        norm_eps: float = 1e-6,
        layer: int = 0,
    ):
        super().__init__()
        self.n_heads = n_heads
        self.n_kv_heads = n_kv_heads or n_heads
        self.head_dim = head_dim or dim // n_heads
        self.layer = layer
        if self.n_heads % self.n_kv_heads:
            raise ShapeError(f"{n_heads} query heads cannot share {n_kv_heads} key-value heads; use a divisor")
        self.qkv = nn.Linear(dim, (self.n_heads + 2 * self.n_kv_heads) * self.head_dim, bias=qkv_bias)
        self.out = nn.Linear(self.n_heads * self.head_dim, dim, bias=out_bias)
        self.qk_norm = qk_norm
        self.q_norm = RMSNorm(self.head_dim, eps=norm_eps) if qk_norm else nn.Identity()
        self.k_norm = RMSNorm(self.head_dim, eps=norm_eps) if qk_norm else nn.Identity()
        nn.init.normal_(self.qkv.weight, std=dim**-0.5)
        nn.init.zeros_(self.out.weight)
        if out_bias:
            nn.init.zeros_(self.out.bias)

    def forward(self, x: Float[Tensor, "b t d"], ctx: Context) -> Float[Tensor, "b t d"]:
        rows, tokens, _ = x.shape
        heads = linear(self.qkv, x).view(rows, tokens, -1, self.head_dim).transpose(1, 2)
        qk, v = heads.split_with_sizes([self.n_heads + self.n_kv_heads, self.n_kv_heads], 1)
        q, k = rotate(self._normed(qk), ctx.rotation).to(v.dtype).split_with_sizes([self.n_heads, self.n_kv_heads], 1)
        if ctx.cache is not None:
            k, v = ctx.cache.write(self.layer, k, v)
        mixed = ctx.backend.attend(q, k, v, ctx.mask)
        return linear(self.out, mixed.transpose(1, 2).reshape(rows, tokens, -1))

    def _normed(self, qk: Float[Tensor, "b h t e"]) -> Float[Tensor, "b h t e"]:
        """Queries and keys under their norms, still together: what turns them costs the same for both as for one."""
        if not self.qk_norm:
            return qk
        q, k = qk.split_with_sizes([self.n_heads, self.n_kv_heads], 1)
        return torch.cat([self.q_norm(q), self.k_norm(k)], 1)
