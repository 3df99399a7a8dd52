"""What masked tokens show to others in place of what they are: another document's."""

import torch
from jaxtyping import Float
from torch import Tensor

from motet.embed.embed import Embed, Tokens

PLACES = 1 << 16
"""More rows or columns than any grid has."""


class Strangers(Embed):
    """Masked tokens show what stands at the same place of another document in the batch: a plausible, wrong history.

    Where no other document has that place, they stay. What a document has itself, such as the picture that it edits, is
    never shown: it is nearly right, and what comes later in it must not be seen.

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
        doc = tokens.doc[order]
        here = torch.arange(len(place), device=place.device)
        anew = torch.ones_like(placed, dtype=torch.bool)
        anew[1:] = (placed[1:] != placed[:-1]) | (doc[1:] != doc[:-1])
        own = torch.where(anew, here, 0).cummax(0).values  # where the document's tokens of this place begin
        first, last = torch.searchsorted(placed, placed), torch.searchsorted(placed, placed, right=True) - 1
        other = torch.where(own == first, last, own - 1)  # a cycle of documents at each place
        stranger = torch.empty_like(order)
        stranger[order] = order[torch.where(doc[other] == doc, here, other)]
        return torch.where(tokens.masked[:, None], x[stranger], x)
