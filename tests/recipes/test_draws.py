"""Several draws of one picture in a training document give each what it would get in a document of its own."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from motet.codecs.text import TextCodec
from motet.model import TEXT, Model
from motet.recipes import acdit, mar, transfusion
from motet.recipes.pictures import IMAGE, PictureRecipe
from motet.recipes.recipe import initialised
from motet.sequence import Segment, Span, pack

CAPTION = "a red square"


def noised(recipe: acdit.ACDiT | transfusion.Transfusion) -> PictureRecipe:
    return replace(recipe, noising=replace(recipe.noising, draws=3))


RECIPES: dict[str, Callable[[], PictureRecipe]] = {
    "transfusion": lambda: noised(transfusion.TINY),
    "acdit": lambda: noised(acdit.TINY),
    "mar": lambda: replace(mar.TINY, masking=replace(mar.TINY.masking, draws=3)),
}


def states_at(model: Model, spans: list[Span], chosen: list[int]) -> list[Tensor]:
    """Hidden states at some spans of a document that is laid and run alone."""
    length = sum(len(span) for span in spans)
    states = model.hidden(pack([spans], rows=1, length=length)).states[0]
    begins = [sum(len(span) for span in spans[:i]) for i in chosen]
    return [states[begin : begin + len(spans[i])] for begin, i in zip(begins, chosen, strict=True)]


@pytest.mark.parametrize("name", RECIPES)
@torch.no_grad()
def test_each_draw_is_predicted_as_if_it_were_the_only_one(name: str):
    recipe = RECIPES[name]()
    text = TextCodec.learn([CAPTION] * 3, recipe.vocab_size, [IMAGE])
    model = initialised(recipe, text, 0).eval()
    for parameter in model.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
    grid = model.modality(IMAGE).grid
    assert isinstance(recipe, acdit.ACDiT | transfusion.Transfusion | mar.MAR)
    latents = torch.randn(grid[0] * grid[1], 2 * recipe.codec.channels)
    segments = [Segment(TEXT, text.encode(CAPTION)[0]), Segment(IMAGE, latents, grid)]
    spans = model.arrange(segments, torch.Generator().manual_seed(0))
    drawn = [i for i, span in enumerate(spans) if span.modality == IMAGE and span.predict is not None]
    blocks = len(drawn) // 3
    assert blocks * 3 == len(drawn)
    together = states_at(model, spans, drawn)
    for draw in range(3):
        kept = drawn[draw::3]  # the draws of a block stand behind each other
        left = [i for i in range(len(spans)) if i not in drawn or i in kept]
        alone = states_at(model, [spans[i] for i in left], [left.index(i) for i in kept])
        for one, other in zip(alone, together[draw::3], strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
