"""What a DiT does not learn."""

import torch

from motet.codecs.text import TextCodec
from motet.model import TEXT
from motet.recipes.dit import DiT
from motet.recipes.recipe import initialised
from motet.sequence import Segment, pack


def test_captions_are_read_by_the_picture_but_not_learned():
    recipe = DiT.sizes["tiny"]
    assert isinstance(recipe, DiT)
    model = initialised(recipe, TextCodec.learn(["a red square"] * 3, recipe.vocab_size, ["image"]), 0)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=rng))
    pair = [Segment(TEXT, torch.tensor([20, 21])), Segment("image", torch.randn(4, 8, generator=rng), (2, 2))]
    loss = model.loss(pack([model.arrange(pair, rng)], rows=1, length=16), rng)
    assert loss.parts[TEXT] > 1 and torch.equal(loss.total.detach(), recipe.image_weight * loss.parts["image"])
    loss.total.backward()
    embedded = model.modality(TEXT).embed.table.weight.grad
    assert not any(parameter.grad.any() for parameter in model.modality(TEXT).head.parameters())
    assert embedded[[20, 21]].abs().amax() > 0
