"""Root-mean-square norm, computed in fp32 (Zhang and Sennrich 2019)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import rms_norm

from motet.nn.linear import is_lone


class RMSNorm(nn.Module):
    """``x / rms(x) * weight`` over the last axis; ``affine=False`` leaves out the weight.

    exact: in fp32 it rounds as ``transformers`` does, to the last bit, which takes longer for many tokens.
    """

    exact = False

    def __init__(self, dim: int, *, eps: float = 1e-6, affine: bool = True):
        super().__init__()
        self.dim = dim
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim)) if affine else None

    def forward(self, x: Float[Tensor, "*s d"]) -> Float[Tensor, "*s d"]:
        if self.weight is not None and is_lone(x, self.weight) and not torch.compiler.is_compiling():
            return _alone(x, self.weight, self.eps)
        if x.is_cpu and x.dtype == torch.float32 and not torch.is_grad_enabled():
            return _unfused(x, self.weight, self.eps, exact=self.exact)
        if self.weight is None or self.weight.dtype == x.dtype:
            return rms_norm(x, (self.dim,), self.weight, self.eps)
        return self.weight * rms_norm(x, (self.dim,), None, self.eps)  # under autocast


def _unfused(x: Float[Tensor, "*s d"], weight: Tensor | None, eps: float, *, exact: bool) -> Float[Tensor, "*s d"]:
    """The same where nothing is learned: on a CPU the library's norm takes up to twice as long for a batch of rows."""
    if exact:
        scale = x.square().mean(-1, keepdim=True).add_(eps).rsqrt_()
    else:
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square().div_(x.shape[-1]).add_(eps).rsqrt_()
    return x * scale if weight is None else (x * scale).mul_(weight)


_NOTHING = torch.zeros((), dtype=torch.bfloat16)


def _alone(x: Float[Tensor, "*s d"], weight: Tensor, eps: float) -> Float[Tensor, "*s d"]:
    """The same of a lone token in fewer operations, rounded once; to read a number is free where nothing runs ahead."""
    scale = (float(torch.linalg.vector_norm(x, dtype=torch.float32)) ** 2 / x.numel() + eps) ** -0.5
    return torch.addcmul(_NOTHING, x, weight, value=scale)
