"""A codebook of unit vectors that follows what is assigned to it (VQ-VAE, arXiv 1711.00937, appendix A.1).

Vectors and codes have length 1 (LlamaGen, arXiv 2406.06525, section 2.1), so the nearest code is the one of the largest
inner product. After a batch each code becomes the direction of a moving average, and remembers its share of vectors:

    code_k  <-  unit(decay * share_k * code_k + (1 - decay) * sum of the batch's vectors at k / number of vectors)
    share_k <-  decay * share_k + (1 - decay) * share of the batch's vectors at k

A code whose share falls below a small part of 1/K is dead: it moves onto a vector of the batch, drawn with a
probability in proportion to its distance from its code, so that it lands where codes are missing. The start is
k-means++ (Arthur and Vassilvitskii 2007) and some rounds of the same rule without memory, which is Lloyd's algorithm.

All of it is in buffers: no optimiser moves a code, and the averaged weights of a training run go with the codebook as
it stands, which is itself an average over about 1 / (1 - decay) batches.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

DEAD, REVIVED = 0.05, 0.1
"""A code is dead below the first, and a revived one begins with the second; both as parts of a fair share, 1/K."""
ROUNDS = 10
"""Of Lloyd's algorithm."""
SAMPLED = 65_536
"""Vectors that k-means runs on, at most."""
AT_ONCE = 1 << 22
"""Inner products held at once."""
FAINTEST = 1e-12
"""The least distance that counts: vectors that are codes already are revived onto only if there are no others."""


class Usage(NamedTuple):
    """How many of the codes some data needs. share: of codes used at least once; perplexity: exp(entropy), 1 to K."""

    share: float
    perplexity: float


class Codebook(nn.Module):
    """K unit vectors of ``dim`` numbers, in float32 whatever autocast says."""

    codes: Tensor
    share: Tensor

    def __init__(self, size: int, dim: int, *, decay: float):
        super().__init__()
        self.decay = decay
        self.register_buffer("codes", normalize(torch.randn(size, dim), dim=-1))
        self.register_buffer("share", torch.full((size,), 1 / size))

    def __len__(self) -> int:
        return len(self.codes)

    @torch.no_grad()
    def nearest(self, z: Float[Tensor, "n e"]) -> Int[Tensor, " n"]:
        """The index of the code nearest to each unit vector."""
        with torch.autocast(z.device.type, enabled=False):
            pieces = z.float().split(max(1, AT_ONCE // len(self)))
            return torch.cat([(piece @ self.codes.T).argmax(-1) for piece in pieces])

    @torch.no_grad()
    def follow(self, z: Float[Tensor, "n e"], at: Int[Tensor, " n"], noise: Float[Tensor, " n"]) -> None:
        """One batch of unit vectors, assigned to the codes ``at``; ``noise`` in 0 to 1 decides who is revived where."""
        self._follow(z, at, noise, self.decay)

    @torch.no_grad()
    def start_from(self, z: Float[Tensor, "n e"], rng: torch.Generator) -> None:
        """The centres of k-means on at most ``SAMPLED`` of these unit vectors, chosen by ``rng``."""
        z = z[torch.randperm(len(z), generator=rng)[:SAMPLED].to(z.device)].float()
        self.codes.copy_(_scattered(z, len(self), rng))
        for _ in range(ROUNDS):
            noise = torch.rand(len(z), generator=rng).to(z.device)
            self._follow(z, self.nearest(z), noise, decay=0.0)

    def usage(self, at: Int[Tensor, " n"]) -> Usage:
        """Of these assignments."""
        counts = torch.bincount(at, minlength=len(self)).double()
        share = counts / counts.sum()
        return Usage(float((counts > 0).double().mean()), float(torch.special.entr(share).sum().exp()))

    def _follow(self, z: Tensor, at: Tensor, noise: Tensor, decay: float) -> None:
        distance = 1 - (z * self.codes[at]).sum(-1)
        count = torch.bincount(at, minlength=len(self))
        total = torch.zeros_like(self.codes).index_add_(0, at, z.float())
        moved = normalize(decay * self.share[:, None] * self.codes + (1 - decay) / len(z) * total, dim=-1)
        self.codes.copy_(torch.where(count[:, None] > 0, moved, self.codes))
        self.share.mul_(decay).add_(count / len(z), alpha=1 - decay)
        self._revive(z, distance, noise)

    def _revive(self, z: Tensor, distance: Tensor, noise: Tensor) -> None:
        """Dead codes move onto vectors drawn without replacement, each with a weight of its distance.

        The largest log(noise) / weight are such a draw (Efraimidis and Spirakis 2006).
        """
        dead = (self.share < DEAD / len(self)).nonzero()[:, 0][: len(z)]
        chosen = (noise.log() / distance.clamp_min(FAINTEST)).topk(len(dead)).indices
        self.codes[dead] = z[chosen].float()
        self.share[dead] = REVIVED / len(self)


def _scattered(z: Float[Tensor, "n e"], size: int, rng: torch.Generator) -> Float[Tensor, "k e"]:
    """The seeds of k-means++: each is drawn with a probability in proportion to its distance from those before it."""
    draws = torch.rand(size, generator=rng, dtype=torch.float64).to(z.device)
    distance = torch.ones(len(z), device=z.device)
    chosen = []
    for draw in draws:
        upto = distance.cumsum(0, dtype=torch.float64)
        # rounding may carry the draw onto the end of the last interval
        chosen.append(torch.searchsorted(upto, draw * upto[-1], right=True).clamp_max(len(z) - 1))
        distance = torch.minimum(distance, 1 - z @ z[chosen[-1]]).clamp_min(FAINTEST)
    return z[torch.stack(chosen)]
