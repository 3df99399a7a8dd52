"""A recipe's model without its weights: what tells sizes and lengths, however large the model would be."""

import torch

from motet.codecs.text import TextCodec
from motet.model import Model
from motet.recipes.recipe import Recipe


def weightless(recipe: Recipe, text: TextCodec) -> Model:
    """The model on the meta device; its codecs alone have memory, all zeros, so that they encode into true shapes."""
    with torch.device("meta"):
        model = recipe.build(text)
    for name in model.modalities:
        codec = model.modality(name).codec.to_empty(device="cpu")
        with torch.no_grad():
            for tensor in (*codec.parameters(), *codec.buffers()):
                tensor.zero_()
    return model
