"""Blocks of the backbone."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from jaxtyping import Bool, Float
from torch import Tensor, nn

from motet.nn.attention import Attention, Context
from motet.nn.ffn import SwiGLU
from motet.nn.norm import RMSNorm
from motet.sequence import Tags

Aux = dict[str, Tensor]
"""Named scalars that a block wants minimised or logged (a router's balance, a gate's distillation); usually empty."""


class Block(nn.Module, ABC):
    """One layer of the backbone."""

    @abstractmethod
    def forward(self, x: Float[Tensor, "b t d"], ctx: Context) -> tuple[Float[Tensor, "b t d"], Aux]: ...

    def rows(self, tags: Tags, masked: Bool[Tensor, "b t"]) -> int:
        """How many rows of a training batch it computes, each whole: all, unless a block leaves tokens out."""
        return len(tags.doc)


def through(blocks: Iterable[nn.Module], x: Float[Tensor, "b t d"], ctx: Context) -> tuple[Float[Tensor, "b t d"], Aux]:
    """One block after the other, and the sum of each named auxiliary scalar over them."""
    total: Aux = {}
    for block in blocks:
        x, aux = block(x, ctx)
        for name, value in aux.items():
            total[name] = total[name] + value if name in total else value
    return x, total


class TransformerBlock(Block):
    """Pre-norm attention and feed-forward, each with a residual: the block of Llama."""

    def __init__(self, attention: Attention, ffn: SwiGLU, *, dim: int, norm_eps: float = 1e-6):
        super().__init__()
        self.attention_norm = RMSNorm(dim, eps=norm_eps)
        self.attention = attention
        self.ffn_norm = RMSNorm(dim, eps=norm_eps)
        self.ffn = ffn

    def forward(self, x: Float[Tensor, "b t d"], ctx: Context) -> tuple[Float[Tensor, "b t d"], Aux]:
        x = x + self.attention(self.attention_norm(x), ctx)
        return x + self.ffn(self.ffn_norm(x)), {}
