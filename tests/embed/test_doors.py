"""Several ways in for one modality, and the adaptors that Janus has in them."""

import pytest
import torch

from motet.codecs.text import TextCodec
from motet.embed.aligner import Aligned, AlignedCodes
from motet.embed.doors import Doors
from motet.embed.embed import Tokens
from motet.errors import DataError
from motet.model import Model
from motet.recipes.janus import VIEW, Janus


def tokens(values: torch.Tensor) -> Tokens:
    n = len(values)
    pos, doc = torch.zeros(n, 4, dtype=torch.long), torch.zeros(n, dtype=torch.long)
    return Tokens(values, pos, torch.full((n,), torch.nan), torch.zeros(n).bool(), doc)


def test_what_is_made_enters_by_one_way_and_views_by_their_own():
    made, view = AlignedCodes(5, 3, 8), Aligned(4, 8)
    doors, codes, features = Doors(made, {"view": view}), torch.tensor([1, 4]), torch.randn(2, 4)
    assert torch.equal(doors(tokens(codes)), made(tokens(codes)))
    assert torch.equal(doors.views["view"](tokens(features)), view(tokens(features)))
    assert {id(p) for p in doors.parameters()} == {id(p) for part in (made, view) for p in part.parameters()}


def test_codes_enter_as_the_vectors_of_the_codebook_they_started_from():
    embed, codes = AlignedCodes(5, 3, 8), torch.nn.functional.normalize(torch.randn(5, 3), dim=1)
    embed.start_from(codes)
    shown = embed(tokens(torch.tensor([2])))
    torch.testing.assert_close(shown, embed.layers(codes[2:3] * 3**0.5))


def test_spans_of_a_view_belong_to_the_modality_that_they_are_a_view_of():
    recipe = Janus.sizes["tiny"]
    model: Model = recipe.build(TextCodec.learn(["a red square"], 320, ["image"]))
    assert model.owner(VIEW) is model.owner("image") is model.modality("image")
    with pytest.raises(DataError, match="no modality 'other'; it has: text, image"):
        model.owner("other")
    with pytest.raises(DataError, match="no modality 'view'"):
        model.modality(VIEW)
