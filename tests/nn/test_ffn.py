"""SwiGLU against its formula."""

import torch

from motet.nn.ffn import SwiGLU


def test_swiglu_is_down_of_silu_gate_times_up():
    ffn = SwiGLU(4, 6)
    torch.nn.init.normal_(ffn.down.weight)
    x = torch.randn(3, 4)
    gate, up = x @ ffn.gate_up.weight[:6].T, x @ ffn.gate_up.weight[6:].T
    torch.testing.assert_close(ffn(x), (gate / (1 + torch.exp(-gate)) * up) @ ffn.down.weight.T)
