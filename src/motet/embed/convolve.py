"""Convolutions over the tile of latents that a merged token holds."""

from jaxtyping import Float
from torch import Tensor

from motet.embed.embed import Embed, Tokens
from motet.nn.tile import TileDown


class Convolve(Embed):
    """A token's tile through the down block of a U-Net."""

    def __init__(self, down: TileDown):
        super().__init__()
        self.down = down

    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]:
        return self.down(tokens.values)
