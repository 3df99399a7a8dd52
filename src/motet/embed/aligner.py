"""Two layers from a codec's numbers to the model's width: Janus' adaptors (arXiv 2410.13848, section 3.1)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.embed.embed import Embed, Tokens


def aligner(channels: int, dim: int) -> nn.Sequential:
    """Linear, GELU, Linear."""
    return nn.Sequential(nn.Linear(channels, dim), nn.GELU(), nn.Linear(dim, dim))


class Aligned(Embed):
    """Features or latents of ``channels`` numbers."""

    def __init__(self, channels: int, dim: int):
        super().__init__()
        self.layers = aligner(channels, dim)

    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]:
        return self.layers(tokens.values)


class AlignedCodes(Embed):
    """Codes, by learned vectors of ``code_dim`` numbers that may start as the codebook's."""

    def __init__(self, codebook_size: int, code_dim: int, dim: int):
        super().__init__()
        self.table = nn.Embedding(codebook_size, code_dim)
        self.layers = aligner(code_dim, dim)

    @torch.no_grad()
    def start_from(self, codes: Float[Tensor, "k e"]) -> None:
        """Takes a codebook of unit vectors, scaled so that their numbers have a mean square of 1."""
        self.table.weight[: len(codes)] = codes * codes.shape[1] ** 0.5

    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]:
        return self.layers(self.table(tokens.values))
