"""A learned vector for each id: text, VQ codes."""

from jaxtyping import Float
from torch import Tensor, nn

from motet.embed.embed import Embed, Tokens


class Lookup(Embed):
    """A table of ``vocab_size`` vectors."""

    def __init__(self, vocab_size: int, dim: int):
        super().__init__()
        self.table = nn.Embedding(vocab_size, dim)
        nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]:
        return self.table(tokens.values)
