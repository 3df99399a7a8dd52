"""A span: tokens that are placed together, and what is to be predicted of them."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motet.types import N_AXES


@dataclass(frozen=True)
class Predict:
    """Which of a span's tokens are predicted, and by whom.

    at:     indices of the predicted tokens inside the span.
    value:  their true values, ``Int[m]`` or ``Float[m c]``.
    weight: weight of each prediction in its modality's mean.
    by:     "previous": the last public token before it predicts (next-token prediction);
            "self": the token itself does (a noised or masked token).
    of:     the modality whose values they are, where the span is a view that has none of its own; None: the span's.
    """

    at: Int[Tensor, " m"]
    value: Tensor
    weight: Float[Tensor, " m"]
    by: Literal["previous", "self"] = "previous"
    of: str | None = None


@dataclass(frozen=True)
class Span:
    """Tokens placed together in a document.

    values: clean or noised values, ``Int[n]`` or ``Float[n c]``.
    pos:    ``Int[n, N_AXES]``; explicit, so that a clean and a noised copy can share positions.
    whole:  True: one attention block; False: a block per token.
    public: whether later blocks may see these tokens.
    time:   diffusion time of each token, 0 noise to 1 data; None for clean tokens.
    masked: which tokens show a mask embedding instead of their value.
    label:  ids of a text that noised tokens are conditioned on as a whole (``motet.sequence.label``).
    """

    modality: str
    values: Tensor
    pos: Int[Tensor, "n a"]
    whole: bool = False
    public: bool = True
    time: Float[Tensor, " n"] | None = None
    masked: Bool[Tensor, " n"] | None = None
    label: Int[Tensor, " m"] | None = None
    predict: Predict | None = None

    def __len__(self) -> int:
        return int(self.values.shape[0])


def positions(n: int, start: int, grid: tuple[int, ...] = ()) -> Int[Tensor, "n a"]:
    """Positions of ``n`` tokens in raster order: index in the document from ``start``, then (frame, row, column)."""
    pos = _raster(n, grid).clone()
    pos[:, 0] += start
    return pos


@lru_cache(maxsize=4096)
def _raster(n: int, grid: tuple[int, ...]) -> Int[Tensor, "n a"]:
    assert not grid or n == math.prod(grid), f"{n} tokens do not fill the grid {grid}"
    pos = torch.zeros(n, N_AXES, dtype=torch.long)
    pos[:, 0] = torch.arange(n)
    if grid:
        coordinates = torch.meshgrid(*(torch.arange(size) for size in grid), indexing="ij")
        pos[:, N_AXES - len(grid) :] = torch.stack(coordinates, -1).view(n, len(grid))
    return pos
