"""How much the cache and the batch save: prints two ratios.

    .venv/bin/python docs/bench/generation_speed.py

Both are measured on the small LatentLM, with fresh weights (speed does not depend on what was learned), guidance 3 and
10 solver steps. First: 64 latents a picture, cached against the whole sequence computed anew for each latent. Second:
64 pictures of the demo's size in one batch against 64 single calls.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from rich.console import Console
from rich.table import Table

from motet.codecs.text import TextCodec
from motet.diffusion.guidance import Guidance
from motet.generate import generate
from motet.heads.head import Wishes
from motet.model import Model
from motet.recipes.latentlm import LatentLM
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import initialised
from motet.request import Request, Sampling
from motet.sequence import Segment, Span, pack, positions

TEXTS = ["red heart", "pizza", "grinning face", "woman astronaut dark skin tone"]
SAMPLING = Sampling(guidance=3.0, steps=10)


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
    prompts = [(Segment("text", model.text.encode(text)[0]),) for text in TEXTS]
    wide = [Request(prompts[i % 4], IMAGE, (8, 8), i, SAMPLING) for i in range(64)]
    many = [replace(request, grid=()) for request in wide]
    generate(model, wide[:2])

    def timed(run: Callable[[], list[Segment]]) -> tuple[float, list[Segment]]:
        start = time.perf_counter()
        made = run()
        return time.perf_counter() - start, made

    together, batched = timed(lambda: [answer[0] for answer in generate(model, many)])
    alone, single = timed(lambda: [generate(model, [request])[0][0] for request in many])
    differ = max(float((a.values - b.values).abs().max()) for a, b in zip(batched, single, strict=True))

    table = Table("what", "slow", "fast", "ratio", "largest difference")
    for n in (1, 16, 64):
        some = wide[:n]
        cached, fast = timed(lambda some=some: [answer[0] for answer in generate(model, some)])
        anew, slow = timed(lambda some=some: recomputed(model, some))
        apart = max(float((a.values - b.values).abs().max()) for a, b in zip(fast, slow, strict=True))
        what = f"64 latents, {n} pictures: anew | cached"
        table.add_row(what, f"{anew:.2f} s", f"{cached:.2f} s", f"{anew / cached:.1f}", f"{apart:.1e}")
    table.add_row(
        "64 pictures: alone | batched",
        f"{alone:.2f} s",
        f"{together:.2f} s",
        f"{alone / together:.1f}",
        f"{differ:.1e}",
    )
    Console().print(table)


if __name__ == "__main__":
    main()
