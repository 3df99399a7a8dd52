"""The two ends of a U-Net over a token's tile: convolutions from its values to the model's width, and back.

Transfusion (arXiv 2408.11039) may replace its linear maps in and out by the down and up blocks of a U-Net. Here their
convolutions stay inside the tile of one token, since a head sees states without their places; between tiles there is
the transformer, which looks at the whole picture anyway. For the same reason no skip connection leads past it.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from motet.errors import ConfigError


class ResidualConvolution(nn.Module):
    """Norm, SiLU, 3 x 3, twice, beside the identity; the last convolution starts at zero."""

    def __init__(self, width: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        last = self.convolutions[1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Float[Tensor, "n w y x"]) -> Float[Tensor, "n w y x"]:
        made = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            made = convolution(silu(norm(made)))
        return x + made


class TileDown(nn.Module):
    """Values of ``side`` x ``side`` latents of ``channels`` -> one vector, as wide as the model."""

    def __init__(self, channels: int, dim: int, side: int, *, width: int):
        super().__init__()
        self.side = _at_least_two(side)
        self.lift = nn.Conv2d(channels, width, 3, padding=1)
        self.block = ResidualConvolution(width)
        self.down = nn.Conv2d(width, dim, side, stride=side)

    def forward(self, values: Float[Tensor, "n v"]) -> Float[Tensor, "n d"]:
        tiles = values.view(len(values), self.side, self.side, -1).permute(0, 3, 1, 2)
        return self.down(self.block(self.lift(tiles))).flatten(1)


class TileUp(nn.Module):
    """A vector of the model -> values of ``side`` x ``side`` latents of ``channels``, started at zero."""

    def __init__(self, dim: int, channels: int, side: int, *, width: int):
        super().__init__()
        self.up = nn.ConvTranspose2d(dim, width, _at_least_two(side), stride=side)
        self.block = ResidualConvolution(width)
        self.lower = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.zeros_(self.lower.weight)
        assert self.lower.bias is not None
        nn.init.zeros_(self.lower.bias)

    def forward(self, h: Float[Tensor, "*k d"]) -> Float[Tensor, "*k v"]:
        tiles = self.lower(self.block(self.up(h.reshape(-1, h.shape[-1], 1, 1))))
        return torch.movedim(tiles, 1, -1).reshape(*h.shape[:-1], -1)


def _at_least_two(side: int) -> int:
    if side < 2:
        raise ConfigError(
            "convolutions have no effect on a tile of one latent; merge at least 2 x 2 (merge=2) or set ends=linear"
        )
    return side
