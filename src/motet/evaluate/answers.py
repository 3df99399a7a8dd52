"""A model's answers: a picture for each judged text, and a caption for each judged picture."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import UInt8
from torch import Tensor

from motet.data.loader import document_rng
from motet.evaluate.interval import Interval, mean_interval
from motet.evaluate.judged import IMAGE, Judged, to_uint8
from motet.evaluate.timed import Tick
from motet.generate import generate
from motet.model import TEXT, Model
from motet.request import Request, Sampling
from motet.sequence import Segment
from motet.types import Raw

BATCH = 128
"""Requests that share a forward, at most."""


@dataclass(frozen=True)
class Drawn:
    """latents: of each picture, or codes. pictures: what the codec makes of them. seconds: for each, by batch."""

    latents: list[Tensor]
    pictures: UInt8[Tensor, "n 3 h w"]
    seconds: list[float]


def drawing(texts: Sequence[Segment], sampling: Sampling) -> list[Request]:
    """A request for a picture of each text. Text number i is drawn under seed i."""
    return [Request((text,), IMAGE, seed=i, sampling=sampling) for i, text in enumerate(texts)]


def draw(model: Model, texts: Sequence[Segment], sampling: Sampling, tick: Tick) -> Drawn:
    """A picture for each text, as ``drawing`` asks for it."""
    requests = drawing(texts, sampling)
    segments: list[Segment] = []
    pictures: list[Raw] = []
    seconds: list[float] = []
    for batch in _batches(requests):
        began = time.perf_counter()
        made = [answer[0] for answer in generate(model, batch, batch=BATCH, progress=_after(len(segments), tick))]
        rngs = [document_rng(request.seed, 0) for request in batch]
        pictures += model.modality(IMAGE).codec.render([one.values for one in made], made[0].grid, rngs)
        segments += made
        seconds.append((time.perf_counter() - began) / len(batch))
    return Drawn([segment.values for segment in segments], to_uint8(pictures), seconds)


def describe(model: Model, images: Sequence[Segment], sampling: Sampling, tick: Tick) -> list[str]:
    """A caption for each picture."""
    requests = [Request((image,), TEXT, seed=i, sampling=sampling) for i, image in enumerate(images)]
    made = generate(model, requests, batch=BATCH, progress=tick)
    return [model.text.decode(answer[0].values) for answer in made]


@dataclass(frozen=True)
class Answers:
    """What a model answered to some judged pairs, in their order. captions: None if it does not describe."""

    judged: Judged
    drawn: Drawn
    captions: list[str] | None

    @property
    def seconds(self) -> Interval:
        """Seconds for each picture, in batches."""
        return mean_interval(self.drawn.seconds)


def _after(done: int, tick: Tick) -> Tick:
    return lambda more: tick(done + more)


def _batches(requests: list[Request]) -> list[list[Request]]:
    """Batches of about equal sizes, so that their times can be compared."""
    n = -(-len(requests) // BATCH)
    bounds = [round(i * len(requests) / n) for i in range(n + 1)]
    return [requests[a:b] for a, b in pairwise(bounds)]
