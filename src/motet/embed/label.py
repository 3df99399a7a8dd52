"""A label as one vector: the class of DiT and ACDiT (arXiv 2212.09748, 2412.07720), made of a text."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import silu

from motet.nn.condition import LabelVector
from motet.sequence import NO_LABEL

PLACES = 64
"""Words that are told apart by where they stand; all further ones stand at the last place."""


class TextLabel(LabelVector):
    """Two layers over a text: the first sees each word at its place, the second their mean. No text has its own vector.

    Texts of one word each have a free vector each, as the classes of a table have; longer ones share their words', so
    that a text which training never met is not a stranger.
    """

    def __init__(self, vocab_size: int, dim: int):
        super().__init__()
        self.words = nn.Embedding(vocab_size, dim)
        self.places = nn.Embedding(PLACES, dim)
        self.out = nn.Linear(dim, dim)
        self.none = nn.Parameter(torch.zeros(dim))

    def forward(self, ids: Int[Tensor, "k m"]) -> Float[Tensor, "k d"]:
        there = (ids != NO_LABEL)[..., None]
        place = torch.arange(ids.shape[1], device=ids.device).clamp_max(PLACES - 1)
        each = silu(self.words(ids.clamp_min(0)) + self.places(place))
        mean = (each * there).sum(1) / there.sum(1).clamp_min(1)
        return torch.where(there.any(1), self.out(mean), self.none)
