"""Latents drawn behind true ones: what is placed is the truth, what is drawn is the model's own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from motet.codecs.text import TextCodec
from motet.evaluate.one_step import on_true_history, one_step_ahead
from motet.factorise.factorisation import Factorisation, Wish
from motet.factorise.masked import Masked
from motet.factorise.next_block import NextBlock, Noising, blocks_of
from motet.generate import generate
from motet.heads.diffusion import DiffusionSampling
from motet.heads.velocity import Velocity
from motet.model import TEXT, Model
from motet.recipes import acdit, latentlm, mar
from motet.recipes.pictures import IMAGE, PictureRecipe
from motet.recipes.recipe import initialised
from motet.request import Request, Sampling
from motet.sequence import Append, Commit, Draw, Peek, Program, Segment, Span, Verb, positions

GRID, CHANNELS = (2, 4), 3


def test_a_program_on_true_history_sees_the_truth_and_returns_what_it_drew() -> None:
    def program() -> Program:
        drawn = []
        yield Commit(Span("text", torch.tensor([7]), positions(1, 0)))
        for i in range(3):
            drawn.append(torch.full((1, 2), float(i)))
            yield Commit(Span("image", drawn[-1], positions(1, i + 1)))
        return torch.cat(drawn)

    truth = torch.arange(10.0, 16.0).view(3, 2)
    placed: list[torch.Tensor] = []
    forced = on_true_history(program(), "image", truth)
    verb = next(forced)
    while True:
        assert isinstance(verb, Commit)
        placed.append(verb.span.values)
        try:
            verb = forced.send(None)
        except StopIteration as end:
            returned = end.value
            break
    assert placed[0].tolist() == [7]
    assert torch.equal(torch.cat(placed[1:]), truth)
    assert returned[:, 0].tolist() == [0, 1, 2]


def forced(factorise: Factorisation, truth: Tensor) -> tuple[list[Verb], Tensor]:
    """All verbs of a program on true history whose every draw comes out as -9, and what it returns."""
    wish = Wish("image", GRID, 5, DiffusionSampling(steps=2, solver="euler"), rounds=3)
    hidden = torch.zeros(1, 1, 4)
    rng = torch.Generator().manual_seed(0)
    program = on_true_history(factorise.generate(wish, Velocity(4, CHANNELS), hidden, rng), "image", truth)
    verbs, reply = [], None
    while True:
        try:
            asked = program.send(reply)
        except StopIteration as end:
            return verbs, end.value
        verbs.append(asked)
        reply = torch.full((asked.hidden.shape[1], CHANNELS), -9.0) if isinstance(asked, Draw) else None
        if isinstance(asked, Peek):
            reply = torch.zeros(1, len(asked.span), 4)


def test_masked_pictures_show_true_latents_where_they_show_any():
    truth, blank = torch.arange(24.0).view(8, CHANNELS), torch.full((CHANNELS,), 7.0)
    verbs, made = forced(Masked(blank), truth)
    shown = 0
    for peek in (verb.span for verb in verbs if isinstance(verb, Peek)):
        assert peek.masked is not None
        assert (peek.values[peek.masked] == 7).all() and torch.equal(peek.values[~peek.masked], truth[~peek.masked])
        shown += int((~peek.masked).sum())
    assert shown > 0 and isinstance(verbs[-1], Append) and torch.equal(verbs[-1].span.values, truth)
    assert (made == -9).all(), "what is returned was drawn"


def test_blocks_are_denoised_behind_true_clean_blocks_wherever_they_lie():
    truth = torch.arange(24.0).view(8, CHANNELS)
    verbs, made = forced(NextBlock(CHANNELS, Noising(), size=4), truth)
    clean = [verb.span for verb in verbs if isinstance(verb, Append)]
    for span, at in zip(clean, blocks_of(GRID, 4), strict=True):
        assert torch.equal(span.values, truth[at])
    noised = [verb.span for verb in verbs if isinstance(verb, Peek)]
    assert len(noised) == 4 and not any(torch.isin(span.values, truth).any() for span in noised)
    assert not torch.isin(made, truth).any()


RECIPES: dict[str, Callable[[], PictureRecipe]] = {
    "latentlm": lambda: latentlm.TINY,
    "mar": lambda: mar.TINY,
    "acdit": lambda: acdit.TINY,
}


def stirred(recipe: PictureRecipe) -> Model:
    text = TextCodec.learn(["a red square", "a blue square"], recipe.vocab_size, [IMAGE])
    model = initialised(recipe, text, 0).eval().requires_grad_(False)
    rng = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=rng) * 0.2)
    return model


@pytest.mark.parametrize("name", RECIPES)
def test_on_its_own_history_a_model_draws_the_same_and_on_another_something_else(name: str):
    """So guidance, temperature and noise are those of free running, and nothing else differs."""
    model = stirred(RECIPES[name]())
    how: Any = Sampling(guidance=2.0, temperature=0.7, steps=2, rounds=3)
    prompts = [Segment(TEXT, model.text.encode(words)[0], learn=False) for words in ("a red square", "blue", "a")]
    asked = [Request((prompt,), IMAGE, seed=i, sampling=how) for i, prompt in enumerate(prompts)]
    free = torch.stack([made[0].values for made in generate(model, asked)])
    told: list[int] = []
    torch.testing.assert_close(one_step_ahead(model, asked, free, told.append), free, atol=1e-5, rtol=1e-5)
    assert told == [3]
    other = one_step_ahead(model, asked, free + 3.0)
    changed = (other - free).abs().amax(-1)
    assert (changed.amin(1) < 1e-5).all(), "what is drawn first follows no latent"
    assert (changed.amax(1) > 1e-3).all()
    cold = [replace(request, sampling=replace(how, temperature=0.1)) for request in asked]
    assert (one_step_ahead(model, cold, free) - free).abs().max() > 1e-2
