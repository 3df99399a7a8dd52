"""How much the cache and the batch save: prints two ratios.

    .venv/bin/python docs/bench/generation_speed.py

Both are measured on the small LatentLM, with fresh weights (speed does not depend on what was learned), guidance 3 and
10 solver steps. First: 64 latents a picture, cached against the whole sequence computed anew for each latent. Second:
what `motet sample RUN "red heart" -n 64` does, from text to pixels, in one batch against 64 single calls, by turns.
"""

import math
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from motet.codecs.text import TextCodec
from motet.diffusion.guidance import Guidance
from motet.generate import generate
from motet.heads.diffusion import Diffusion
from motet.heads.head import Wishes
from motet.model import Model
from motet.pipeline import Pipeline
from motet.recipes.latentlm import LatentLM
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import initialised
from motet.request import Request, Sampling
from motet.sequence import Segment, Span, pack, positions
from motet.types import Raw

T = TypeVar("T")

TEXTS = ["red heart", "pizza", "grinning face", "woman astronaut dark skin tone"]
SAMPLING = Sampling(guidance=3.0, steps=10)
TURNS = 5


def stirred(model: Model) -> Model:
    """Fresh weights with nothing at zero, so that equal results mean something."""
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=rng))
    return model.eval()


@torch.no_grad()
def recomputed(model: Model, requests: list[Request]) -> list[Segment]:
    """The slow twin: every latent from a forward over its whole document and over its unconditional twin."""
    grid = requests[0].grid
    n, head = math.prod(grid), model.modality(IMAGE).head
    opening, begin = model.mark(IMAGE)[0], model.text.begin
    rngs = [torch.Generator().manual_seed(request.seed) for request in requests]
    prompts = [model.prompt(request.prompt) for request in requests]
    starts = [sum(len(span) for span in prompt) for prompt in prompts]
    how = head.settings(Wishes(Guidance(SAMPLING.guidance), SAMPLING.temperature, SAMPLING.steps, SAMPLING.solver))
    assert isinstance(head, Diffusion)
    values = torch.zeros(len(requests), 0, head.channels)
    for i in range(n):
        docs = []
        for prompt, start, made in zip(prompts, starts, values, strict=True):
            opened = Span("text", torch.tensor([opening]), positions(1, start))
            latents = [Span(IMAGE, made, positions(n, start + 1, grid)[:i])] if i else []
            begun = Span("text", torch.tensor([begin]), positions(1, 0))
            docs += [[*prompt, opened, *latents], [begun, opened, *latents]]
        batch = pack(docs, rows=len(docs), length=max(sum(len(s) for s in doc) for doc in docs))
        states = model.hidden(batch).states
        ends = [(batch.tags.doc == k).nonzero()[-1].tolist() for k in range(len(docs))]
        last = torch.stack([states[row, token] for row, token in ends])
        noise = torch.cat([head.noise(1, how, rng) for rng in rngs])
        drawn = head.sample(torch.stack([last[0::2], last[1::2]]), noise, how)
        values = torch.cat([values, drawn[:, None]], 1)
    return [Segment(IMAGE, one, grid) for one in values]


def main() -> None:
    recipe = LatentLM()
    model = stirred(initialised(recipe, TextCodec.learn(TEXTS * 50, 320, [IMAGE]), 0))
    model.modality(IMAGE).codec.requires_grad_(False)
    table = Table("what", "slow", "fast", "ratio", "largest difference")
    for n in (1, 16, 64):
        table.add_row(f"64 latents, {n} pictures: anew | cached", *cached_against_anew(model, n))
    table.add_row(f"64 pictures: alone | batched, median of {TURNS}", *batched_against_alone(Pipeline(model, SAMPLING)))
    Console(width=120).print(table)


def cached_against_anew(model: Model, n: int) -> list[str]:
    """Cells of the table for ``n`` pictures of 8 x 8 latents."""
    prompts = [(Segment("text", model.text.encode(text)[0]),) for text in TEXTS]
    wide = [Request(prompts[i % 4], IMAGE, (8, 8), i, SAMPLING) for i in range(n)]
    generate(model, wide[:2])
    turns = [timed(lambda: [answer[0].values for answer in generate(model, wide)]) for _ in range(TURNS)]
    cached, fast = statistics.median(seconds for seconds, _ in turns), turns[-1][1]
    anew, slow = timed(lambda: [answer.values for answer in recomputed(model, wide)])
    return cells(anew, cached, torch.stack(fast) - torch.stack(slow))


def batched_against_alone(pipeline: Pipeline) -> list[str]:
    """Cells of the table for 64 pictures of one prompt; the largest difference is of pixels, 0 to 1."""
    names = TEXTS[:1] * 64
    slow, fast = [], []
    for turn in range(TURNS + 1):  # the first one warms up
        together, batched = timed(lambda: [made[0] for made in pipeline.generate_many(names, want=IMAGE)])
        if turn:
            alone, single = timed(lambda: [pipeline.generate(n, want=IMAGE, seed=i)[0] for i, n in enumerate(names)])
            slow.append(alone)
            fast.append(together)
    return cells(statistics.median(slow), statistics.median(fast), pixels(batched) - pixels(single))


def pixels(pictures: list[Raw]) -> Tensor:
    return torch.stack([torch.from_numpy(np.array(picture)) for picture in pictures]).float() / 255


def timed(run: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    made = run()
    return time.perf_counter() - start, made


def cells(slow: float, fast: float, differences: Tensor) -> list[str]:
    return [f"{slow:.2f} s", f"{fast:.2f} s", f"{slow / fast:.1f}", f"{float(differences.abs().max()):.1e}"]


if __name__ == "__main__":
    main()
