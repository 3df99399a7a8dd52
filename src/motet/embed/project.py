"""A linear map of each latent."""

from jaxtyping import Float
from torch import Tensor, nn

from motet.embed.embed import Embed, Tokens


class Project(Embed):
    """``channels`` numbers to the model's width."""

    def __init__(self, channels: int, dim: int):
        super().__init__()
        self.linear = nn.Linear(channels, dim)

    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]:
        return self.linear(tokens.values)
