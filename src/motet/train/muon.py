"""Muon: momentum whose matrices are made nearly semi-orthogonal before each step (Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon/).

Five Newton-Schulz iterations do that. With X the momentum of a matrix, the longer axis last and the norm 1, each is

    G = X X^T,    X <- (a + b G + c G^2) X.

They are nothing but products, so they run in what the machine multiplies fastest. In bf16 that is how they stand there.
In fp32 they run on the small square G alone, since it follows from itself, M G M with M = a + b G + c G^2, and X is
multiplied once, by the product of the five M. That is less arithmetic for all but square matrices, a quarter less for
the demo's, and too rough in bf16.

Scaled by 0.2 sqrt(max(rows, columns)) a step has the size of AdamW's, so that one learning rate serves both
(Liu et al. 2025, arXiv:2502.16982, eq. 4).
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

A, B, C = 3.4445, -4.7750, 2.0315
ITERATIONS = 5
MOMENTUM = 0.95
_TINY = 1e-7


class Muon(Optimizer):
    """The optimiser of matrices. Its state is `momentum_buffer`; a group's `bf16` says what it multiplies in.

    params: matrices only, each (rows, columns).
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, weight_decay: float):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "bf16": False})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update = orthogonalise(self._nesterov(parameter), bf16=group["bf16"])
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update, alpha=-group["lr"] * 0.2 * math.sqrt(max(parameter.shape)))

    def _nesterov(self, parameter: nn.Parameter) -> Tensor:
        """What the momentum will be after the same gradient once more."""
        assert parameter.grad is not None
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter.grad)
        buffer: Tensor = state["momentum_buffer"].lerp_(parameter.grad, 1 - MOMENTUM)
        return parameter.grad.lerp(buffer, MOMENTUM)


def orthogonalise(matrix: Tensor, *, bf16: bool) -> Tensor:
    """The matrix (rows, columns) with its singular values, but those near zero, brought near 1 (0.68 to 1.13).

    bf16: multiply in bf16, else in fp32.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).contiguous().to(torch.bfloat16 if bf16 else torch.float32)
    x = x / x.norm().clamp(min=_TINY)
    x = _iterate(x) if bf16 else _iterate_on_gram(x)
    return x.T if tall else x


def _iterate(x: Tensor) -> Tensor:
    """The iterations as they are written."""
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x


def _iterate_on_gram(x: Tensor) -> Tensor:
    """The same by way of the Gram matrix."""
    gram = x @ x.T
    product = torch.eye(len(gram), dtype=x.dtype, device=x.device)
    for _ in range(ITERATIONS):
        factor = torch.addmm(gram, gram, gram, beta=B, alpha=C)
        factor.diagonal().add_(A)
        product = factor @ product
        gram = factor @ gram @ factor
    return product @ x
