"""What a head and a factorisation say that they read is what changes their pictures, and nothing else does."""

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from motet.codecs.text import TextCodec
from motet.generate import generate
from motet.model import TEXT, Model
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import initialised
from motet.recipes.registry import RECIPES
from motet.request import Request, Sampling, effective
from motet.sequence import Segment

PLAIN = Sampling(guidance=2.5, steps=3, solver="euler", rounds=4)
OTHERWISE: dict[str, Any] = {
    "guidance": 1.5,
    "guidance_schedule": "linear",
    "guidance_interval": (0.0, 0.2),
    "rounds": 1,
    "scales": 1,
    "steps": 2,
    "solver": "heun",
    "temperature": 0.3,
    "text_temperature": 1.0,
    "top_k": 1,
    "top_p": 0.05,
    "max_tokens": 2,
}
PICTURES = 4
"""Of each: in a single one there may be no choice to make."""
assert OTHERWISE.keys() == {field.name for field in fields(Sampling)}


def stirred(name: str) -> Model:
    """The tiny model with random weights: a fresh one draws alike whatever it is asked."""
    recipe = RECIPES[name].sizes["tiny"]
    text = TextCodec.learn(["a red fox", "a blue fox"], 300, [IMAGE])
    model = initialised(recipe, text, 0).eval().requires_grad_(False)
    rng = torch.Generator().manual_seed(1)
    for part in model.learned():
        for parameter in part.parameters():
            fan_in = (parameter.shape[1:] or parameter.shape).numel()
            noise = torch.randn(parameter.shape, generator=rng) * fan_in**-0.5
            parameter.copy_(noise + (parameter.ndim == 1))
    return model


@pytest.mark.parametrize("name", RECIPES)
def test_the_named_settings_change_pictures_and_no_others_do(name: str):
    model = stirred(name)
    prompt = Segment(TEXT, model.text.encode("a red fox")[0], learn=False)
    asked = [PLAIN, *(replace(PLAIN, **{setting: value}) for setting, value in OTHERWISE.items())]
    requests = [Request((prompt,), IMAGE, seed=seed, sampling=how) for how in asked for seed in range(PICTURES)]
    made = [answer[0].values for answer in generate(model, requests, batch=len(requests))]
    plain, *others = (made[at : at + PICTURES] for at in range(0, len(made), PICTURES))
    found = {setting for setting, drawn in zip(OTHERWISE, others, strict=True) if not same(plain, drawn)}
    assert found == effective(model, IMAGE)


def same(some: list[Tensor], others: list[Tensor]) -> bool:
    """But for what may come of another place in a batch."""
    pairs = zip(some, others, strict=True)
    return all(one.shape == other.shape and torch.allclose(one, other, atol=1e-4, rtol=1e-4) for one, other in pairs)
