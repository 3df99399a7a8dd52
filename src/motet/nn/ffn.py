"""SwiGLU feed-forward network (Shazeer 2020)."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from motet.nn.linear import linear


class SwiGLU(nn.Module):
    """``down(silu(gate(x)) * up(x))``; gate and up are one matrix."""

    def __init__(self, dim: int, ffn_dim: int, *, bias: bool = False):
        super().__init__()
        self.gate_up = nn.Linear(dim, 2 * ffn_dim, bias=bias)
        self.down = nn.Linear(ffn_dim, dim, bias=bias)
        nn.init.normal_(self.gate_up.weight, std=dim**-0.5)
        nn.init.zeros_(self.down.weight)
        if bias:
            nn.init.zeros_(self.gate_up.bias)
            nn.init.zeros_(self.down.bias)

    def forward(self, x: Float[Tensor, "*s d"]) -> Float[Tensor, "*s d"]:
        gate, up = linear(self.gate_up, x).chunk(2, -1)
        return linear(self.down, silu(gate) * up)
