"""adaLN-Zero for noised tokens only (Peebles and Xie 2022, arXiv 2212.09748; ACDiT, arXiv 2412.07720).

Each noised token's condition gives (shift, scale, gate) for attention and again for the feed-forward:

    x + (1 + gate) f(norm(x) (1 + scale) + shift)

Clean tokens, text among them, have no condition and no modulation: a plain norm and an open gate. So their keys and
values know nothing of time or guidance, and one cache of them serves every denoising step. The papers open the gate
from 0 and write it without the 1; here it is the last matrices of attention and feed-forward that start at zero, so
the block starts as the identity as well, and no modulation is simply zero.
"""

from jaxtyping import Float
from torch import Tensor

from motet.nn.attention import Context
from motet.nn.block import Aux, Block, TransformerBlock
from motet.nn.condition import Modulation


class Modulated(Block):
    """A transformer block whose noised tokens are modulated by their condition."""

    def __init__(self, inner: TransformerBlock):
        super().__init__()
        self.inner = inner
        self.modulation = Modulation(inner.attention_norm.dim, 6)

    def forward(self, x: Float[Tensor, "b t d"], ctx: Context) -> tuple[Float[Tensor, "b t d"], Aux]:
        if ctx.condition is None:
            return self.inner(x, ctx)
        inner = self.inner
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = self.modulation(ctx.condition)
        x = x + (1 + gate) * inner.attention(inner.attention_norm(x) * (1 + scale) + shift, ctx)
        return x + (1 + ffn_gate) * inner.ffn(inner.ffn_norm(x) * (1 + ffn_scale) + ffn_shift), {}
