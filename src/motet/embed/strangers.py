"""What masked tokens show to others in place of what they are: another document's."""

import torch
from jaxtyping import Float
from torch import Tensor

from motet.embed.embed import Embed, Tokens

PLACES = 1 << 16
"""More rows or columns than any grid has."""


class Strangers(Embed):
    """Masked tokens show what stands at the same place of another document in the batch: a plausible, wrong history.

    A model that generates sees a history of its own making, which may have drifted to another picture than the one that
    was asked for. True histories never do, so a model that is trained on them alone follows its history and forgets its
    prompt. Gaussian noise and a mask vector do not help, since both can be told from a drifted history; this cannot.
    """

    def __init__(self, inner: Embed):
        super().__init__()
        self.inner = inner

    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]:
        x, pos = self.inner(tokens), tokens.pos
        if not bool(tokens.masked.any()):
            return x
        place = (pos[:, 1] * PLACES + pos[:, 2]) * PLACES + pos[:, 3]
        placed, order = place.sort(stable=True)
        before = torch.arange(len(place), device=place.device) - 1
        last = torch.searchsorted(placed, placed, right=True) - 1
        first = torch.cat([torch.ones_like(placed[:1], dtype=torch.bool), placed[1:] != placed[:-1]])
        stranger = torch.empty_like(order)
        stranger[order] = order[torch.where(first, last, before)]  # a cycle at each place
        return torch.where(tokens.masked[:, None], x[stranger], x)
