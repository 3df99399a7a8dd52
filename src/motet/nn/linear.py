"""Linear maps of one token: where decoding spends its time."""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn


def is_lone(x: Tensor, weight: Tensor) -> bool:
    """A single bf16 token on a CPU, without gradients, as in decoding: operations cost more than their arithmetic."""
    lone = x.numel() == weight.shape[-1] and x.dtype == weight.dtype == torch.bfloat16 and x.is_cpu
    return lone and not torch.is_grad_enabled()


def linear(layer: nn.Linear, x: Float[Tensor, "*s i"]) -> Float[Tensor, "*s o"]:
    """``layer(x)``; for a single bf16 token as a matrix-vector product on those CPUs whose matrix units slow it down.

    Both have the same error. On a CPU with AMX the matrix product behind ``nn.Linear`` took 1.6 to 1.9 times as long
    for one token (torch 2.13, weights of 576 x 576 to 49152 x 576), since tiles are made for many; on one without AMX
    it is the vector product that took 1.6 times as long. A compiler makes a vector product a loop of its own.
    """
    weight = layer.weight
    if not (is_lone(x, weight) and (torch.compiler.is_compiling() or _multiplies_tiles())):
        return layer(x)
    token = x.reshape(-1)
    out = torch.mv(weight, token) if layer.bias is None else torch.addmv(layer.bias, weight, token)
    return out.view(*x.shape[:-1], -1)


@cache
def _multiplies_tiles() -> bool:
    return bool(torch.cpu._is_amx_tile_supported())
