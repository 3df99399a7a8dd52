"""Sets of tokens in a random order, each set at once, given all before it: MAR and Fluid.

MAR (arXiv 2406.11838, section 3.4 and its code). Training hides a random share of a picture's tokens, drawn from a
normal distribution cut to [0.7, 1]; each hidden token predicts itself, given text and the tokens that show. Sampling
begins with all hidden and reveals a random set in each of K rounds; behind round k of 1 .. K - 1 there stay hidden

    h_k = max(1, min(h_{k-1} - 1, floor(n cos(pi/2 k/K))))

and the last round reveals the rest. The tokens of a round are drawn independently of each other, so more rounds are
truer to what the tokens say together: with K = n it is autoregression in a random order.
"""

import math
from dataclasses import dataclass, field, replace
from statistics import NormalDist

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motet.errors import ConfigError
from motet.factorise.factorisation import Factorisation, Wish
from motet.heads.head import Head
from motet.sequence import Append, Draw, Peek, Predict, Program, Segment, Span, positions


@dataclass(frozen=True)
class Masking:
    """How training hides tokens of a picture. Their share is normal, cut to an interval."""

    least: float = field(default=0.7, metadata={"help": "least share of a picture's tokens that training hides"})
    most: float = field(default=1.0, metadata={"help": "largest share"})
    mean: float = field(default=1.0, metadata={"help": "mean of the normal distribution before it is cut"})
    std: float = field(default=0.25, metadata={"help": "its spread before it is cut"})
    draws: int = field(
        default=1, metadata={"help": "copies of each picture in training, each with a hidden set of its own"}
    )

    def __post_init__(self) -> None:
        if not 0 < self.least <= self.most <= 1 or self.std <= 0:
            raise ConfigError(
                f"mask ratios from {self.least} to {self.most} with a spread of {self.std} cannot be drawn; expected "
                "0 < least <= most <= 1 and a positive std"
            )
        if self.draws < 1:
            raise ConfigError(f"draws is {self.draws}; training needs at least one copy of each picture")

    def share(self, rng: torch.Generator) -> float:
        """One share: the normal's inverse distribution at a uniform point between those of the two ends."""
        normal = NormalDist(self.mean, self.std)
        low, high = normal.cdf(self.least), normal.cdf(self.most)
        if high - low < 1e-9:  # the interval is a point, or so far out that only its nearer end counts
            return min(max(self.mean, self.least), self.most)
        point = low + (high - low) * float(torch.rand((), generator=rng, dtype=torch.float64))
        return min(max(normal.inv_cdf(point), self.least), self.most)


def hidden_after(n: int, rounds: int) -> list[int]:
    """How many of ``n`` tokens stay hidden after each of ``min(rounds, n)`` rounds; each reveals at least one.

    Raises ConfigError if there is no round at all.
    """
    if rounds < 1:
        raise ConfigError(f"rounds is {rounds}; at least one round is needed to reveal a picture")
    rounds = min(rounds, n)
    counts, left = [], n
    for k in range(1, rounds):
        left = max(1, min(left - 1, math.floor(n * math.cos(math.pi / 2 * k / rounds))))
        counts.append(left)
    return [*counts, 0]


class Masked(Factorisation):
    """p(x) = prod_k p(set_k | sets before it), the sets being a random partition; all of a picture is one block.

    blank: what stands where no value is known, a latent ``[c]`` or an id ``[]``. What is shown there is up to the
    modality's embedding. Of several copies in a training document, what comes behind sees the last one.
    """

    reads = frozenset({"guidance_schedule", "rounds"})

    def __init__(self, blank: Tensor, *, masking: Masking = Masking()):
        self.blank = blank
        self.masking = masking

    def arrange(self, segment: Segment, start: int, rng: torch.Generator) -> list[Span]:
        n = len(segment)
        pos = positions(n, start, segment.grid)
        if not segment.learn:
            return [Span(segment.modality, segment.values, pos, whole=True)]
        spans = [self._masked(segment, pos, rng) for _ in range(self.masking.draws)]
        return [*(replace(span, public=False) for span in spans[:-1]), spans[-1]]

    def _masked(self, segment: Segment, pos: Int[Tensor, "n a"], rng: torch.Generator) -> Span:
        """The picture with a random set of its tokens hidden, each of which predicts itself."""
        n = len(segment)
        count = math.ceil(n * self.masking.share(rng))
        at = torch.randperm(n, generator=rng)[:count].sort().values
        masked = torch.zeros(n, dtype=torch.bool).index_fill(0, at, True)
        predict = Predict(at, segment.values[at], torch.ones(count), by="self")
        shown = self._without(segment.values, masked)
        return Span(segment.modality, shown, pos, whole=True, masked=masked, predict=predict)

    def generate(self, wish: Wish, head: Head, hidden: Float[Tensor, "branches 1 d"], rng: torch.Generator) -> Program:
        n = math.prod(wish.grid)
        pos = positions(n, wish.start, wish.grid)
        order = torch.randperm(n, generator=rng)
        values = self.blank.expand(n, *self.blank.shape)
        left = n
        for after in hidden_after(n, wish.rounds):
            masked = torch.zeros(n, dtype=torch.bool).index_fill(0, order[n - left :], True)
            states = yield Peek(Span(wish.modality, values, pos, whole=True, masked=masked))
            chosen = order[n - left : n - after]
            progress = (n - max(1, after)) / n  # guidance counts the tokens that show behind this round, as MAR does
            how = wish.how_at(progress)
            drawn = yield Draw(wish.modality, states[:, chosen], head.noise(len(chosen), how, rng), how)
            values = values.index_copy(0, chosen, wish.project(drawn))
            left = after
        yield Append(Span(wish.modality, values, pos, whole=True))
        return values

    def _without(self, values: Tensor, masked: Bool[Tensor, " n"]) -> Tensor:
        """The values with blanks where they are masked: no span holds what is to be predicted."""
        return torch.where(masked.view(-1, *[1] * (values.ndim - 1)), self.blank.to(values), values)
