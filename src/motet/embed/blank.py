"""What masked tokens show in place of what they are: nothing, in one learned vector (MAR, arXiv 2406.11838)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.embed.embed import Embed, Tokens


class Blank(Embed):
    """Masked tokens show one learned vector of ``dim`` numbers; others show what ``inner`` makes of their value.

    Where a masked token stands is told by its position alone, which the attention's rotations carry.
    """

    def __init__(self, inner: Embed, dim: int):
        super().__init__()
        self.inner = inner
        self.vector = nn.Parameter(torch.randn(dim) * 0.02)

    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]:
        shown = self.inner(tokens)
        return torch.where(tokens.masked[:, None], self.vector.to(shown.dtype), shown)
