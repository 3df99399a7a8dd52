"""Diffusion time as part of a token: what Transfusion's plain blocks know of it (arXiv 2408.11039)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import embedding

from motet.diffusion.time import sinusoid
from motet.embed.embed import Embed, Tokens
from motet.nn.condition import TimeVector

TIME_FEATURES = 256


class TimeMLP(TimeVector):
    """Two layers over the sinusoid of a time, as in DiT."""

    def __init__(self, dim: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(TIME_FEATURES, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, time: Float[Tensor, "*k"]) -> Float[Tensor, "*k d"]:
        return self.layers(sinusoid(time, TIME_FEATURES))


class Timed(Embed):
    """``inner`` plus a vector for how noised a token is: of its time; of clean ones that of 1 and their own.

    Where text is learned behind noised pictures alone, clean ones are met in sampling only: then theirs stays zero, and
    they stand where the last noise is gone.
    """

    def __init__(self, inner: Embed, dim: int):
        super().__init__()
        self.inner = inner
        self.time = TimeMLP(dim)
        self.move = nn.Parameter(torch.zeros(dim))

    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]:
        clean = tokens.time.isnan()
        times, which = tokens.time.nan_to_num(nan=1.0).unique(return_inverse=True)  # a picture's tokens share theirs
        vector = embedding(which, self.time(times))
        return self.inner(tokens) + vector + clean[:, None] * self.move
