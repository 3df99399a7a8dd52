"""Softmax over a vocabulary."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from motet.diffusion.guidance import Guidance, guided
from motet.errors import ConfigError
from motet.heads.head import Head, Wishes
from motet.nn.linear import linear


@dataclass(frozen=True)
class TokenSampling:
    """temperature 0 takes the likeliest; top_k and top_p (0 and 1: off) cut the tail; banned ids are never drawn."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    guidance: Guidance = Guidance()
    banned: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ConfigError(
                f"temperature {self.temperature}, top_k {self.top_k} and top_p {self.top_p} cannot be sampled with; "
                "expected temperature and top_k of at least 0 and top_p above 0 and at most 1"
            )


class Categorical(Head):
    """Linear read-out to ``vocab_size`` logits; ``tied`` reads out with an embedding's own matrix.

    z_loss: weight of ``log(Z)^2``, Z being the softmax's sum, which keeps logits from drifting (PaLM, Chameleon).
    """

    reads = frozenset({"guidance", "temperature", "top_k", "top_p"})

    def __init__(self, dim: int, vocab_size: int, *, tied: nn.Embedding | None = None, z_loss: float = 0.0):
        super().__init__()
        self.z_loss = z_loss
        self.logits = nn.Linear(dim, vocab_size, bias=False)
        if tied is not None:
            self.logits.weight = tied.weight
        else:
            nn.init.normal_(self.logits.weight, std=dim**-0.5)

    def loss(self, h: Float[Tensor, "k d"], value: Int[Tensor, " k"], rng: torch.Generator) -> Float[Tensor, " k"]:
        logits = self.logits(h).float()
        losses = cross_entropy(logits, value, reduction="none")
        return losses + self.z_loss * logits.logsumexp(-1).square() if self.z_loss else losses

    def noise(self, k: int, how: TokenSampling, rng: torch.Generator) -> Float[Tensor, "k 1"]:
        """One uniform number a token: the draw inverts the cumulative distribution at it."""
        return torch.rand(k, 1, generator=rng)

    def sample(
        self, h: Float[Tensor, "branches k d"], noise: Float[Tensor, "k 1"], how: TokenSampling
    ) -> Int[Tensor, " k"]:
        logits = linear(self.logits, h).float()
        scores = guided(logits, how.guidance)
        if how.banned:
            scores[:, list(how.banned)] = -torch.inf
        if how.temperature == 0.0:
            return scores.argmax(-1)
        probabilities, ids = (scores / how.temperature).softmax(-1).sort(-1, descending=True)
        if how.top_k:
            probabilities[:, how.top_k :] = 0.0
        if how.top_p < 1.0:
            before = probabilities.cumsum(-1) - probabilities
            probabilities = probabilities.masked_fill(before >= how.top_p, 0.0)
        cumulative = (probabilities / probabilities.sum(-1, keepdim=True)).cumsum(-1)
        rank = (cumulative < noise.to(cumulative)).sum(-1)
        # a sum in fp32 may end below a draw close to 1: the last possible id is meant, never one that was cut
        rank = torch.minimum(rank, (probabilities > 0).sum(-1) - 1)
        return ids.gather(-1, rank[:, None])[:, 0]

    def settings(self, wishes: Wishes) -> TokenSampling:
        return TokenSampling(wishes.temperature, wishes.top_k, wishes.top_p, wishes.guidance, wishes.banned)
