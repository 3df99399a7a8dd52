"""A recipe's knobs reach what they are named after: equivalences alone hold for any model, the wrong one too."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from motet.codecs.vq import VQ
from motet.config import override
from motet.embed.convolve import Convolve
from motet.errors import ConfigError
from motet.factorise.masked import Masked, Masking
from motet.factorise.next_token import NextToken
from motet.model import TEXT, Model
from motet.nn.tile import TileUp
from motet.recipes.pictures import IMAGE, PictureRecipe
from motet.recipes.recipe import Recipe, initialised
from motet.recipes.registry import RECIPES
from motet.sequence import Packed, Segment, pack
from support.squares import squares

pytestmark = pytest.mark.usefixtures("file_cache")


def tiny(name: str, **changes: Any) -> Recipe:
    return override(RECIPES[name].sizes["tiny"], {key.replace("__", "."): value for key, value in changes.items()})


def model_of(recipe: Recipe) -> Model:
    """With random weights everywhere: a fresh model's blocks add nothing, and some of its heads say nothing."""
    model = initialised(recipe, recipe.text_codec(squares(recipe.image_size)), 0).requires_grad_(False)
    rng = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
    return model


def document(model: Model) -> list[Segment]:
    pixels = np.random.default_rng(0).integers(0, 255, (*model.modality(IMAGE).size, 3), dtype=np.uint8)
    picture = Segment(IMAGE, *model.modality(IMAGE).codec.encode(Image.fromarray(pixels)))
    return [Segment(TEXT, model.text.encode("a red square")[0]), picture]


def batch_of(model: Model) -> Packed:
    spans = model.arrange(document(model), torch.Generator().manual_seed(0))
    return pack([spans], rows=1, length=sum(map(len, spans)))


@pytest.mark.parametrize("name", RECIPES)
def test_the_loss_weighs_pictures_by_image_weight_and_text_by_text_weight(name: str) -> None:
    recipe = tiny(name, image_weight=3.0)
    assert isinstance(recipe, PictureRecipe)
    model = model_of(recipe)
    loss = model.loss(batch_of(model), torch.Generator().manual_seed(0))
    assert loss.parts[TEXT] > 0 and loss.parts[IMAGE] > 0
    expected = recipe.text_weight * loss.parts[TEXT] + 3 * loss.parts[IMAGE]
    torch.testing.assert_close(loss.total, expected)


@pytest.mark.parametrize("name", ["transfusion", "dit", "acdit"])
def test_what_is_predicted_of_noised_tokens_depends_on_their_time(name: str) -> None:
    model = model_of(tiny(name))
    batch = batch_of(model)
    later = replace(batch, time=torch.where(batch.time.isnan(), batch.time, batch.time * 0.5))
    at = batch.target[IMAGE].at
    one, other = (model.hidden(each).states.flatten(0, 1)[at] for each in (batch, later))
    assert (one - other).abs().max(dim=1).values.min() > 1e-3


def test_transfusions_ends_are_linear_or_convolutions() -> None:
    plain, unet = (
        model_of(tiny("transfusion", ends=ends, merge=2, codec__patch=4)).modality(IMAGE) for ends in ("linear", "unet")
    )
    assert isinstance(unet.embed.get_submodule("inner"), Convolve) and isinstance(unet.head.out, TileUp)
    assert isinstance(plain.head.out, nn.Linear) and not isinstance(plain.embed.get_submodule("inner"), Convolve)


@pytest.mark.parametrize("tokens", ["continuous", "discrete"])
def test_fluids_order_is_sets_or_a_raster(tokens: str) -> None:
    masking = Masking(least=0.2, most=0.4)
    sets = model_of(replace(tiny("fluid", tokens=tokens), masking=masking)).modality(IMAGE).factorise
    assert isinstance(sets, Masked) and sets.masking == masking
    raster = model_of(tiny("fluid", tokens=tokens, order="raster"))
    assert isinstance(raster.modality(IMAGE).factorise, NextToken)
    batch = batch_of(raster)
    blocks = batch.tags.block.flatten()[batch.place[IMAGE]]
    assert (blocks.diff() > 0).all(), "each token a block, in raster order"


def test_mars_masking_is_the_recipes() -> None:
    masking = Masking(least=0.2, most=0.4)
    factorise = model_of(replace(tiny("mar"), masking=masking)).modality(IMAGE).factorise
    assert isinstance(factorise, Masked) and factorise.masking == masking


def test_vqs_z_loss_adds_the_squared_log_of_the_softmaxs_sum() -> None:
    def loss(weight: float) -> tuple[Tensor, Model, Packed]:
        model = model_of(tiny("vq", z_loss=weight))
        batch = batch_of(model)
        return model.loss(batch, torch.Generator().manual_seed(0)).parts[IMAGE], model, batch

    without, model, batch = loss(0.0)
    head = model.modality(IMAGE).head
    logits = head.get_submodule("logits")(model.hidden(batch).states.flatten(0, 1)[batch.target[IMAGE].at])
    torch.testing.assert_close(loss(0.1)[0], without + 0.1 * logits.logsumexp(-1).square().mean())


def test_vqs_commitment_weighs_the_distance_of_vectors_from_their_codes() -> None:
    terms = {"l1": torch.tensor(1.0), "multiscale": torch.tensor(2.0), "commitment": torch.tensor(8.0)}
    codecs = [model_of(tiny("vq", codec__commitment=weight)).modality(IMAGE).codec for weight in (0.0, 0.5)]
    assert all(isinstance(codec, VQ) for codec in codecs)
    assert [float(codec.objective(terms)) for codec in codecs] == [2.0, 6.0]


@pytest.mark.parametrize("name", RECIPES)
def test_queries_and_keys_are_normed_wherever_a_recipe_says_so(name: str) -> None:
    """Attention of a model with qk_norm does not know how long its queries are, without it it does."""
    for size in ("tiny", "small"):
        assert RECIPES[name].sizes[size].backbone.qk_norm, size
    for normed in (True, False):
        model = model_of(tiny(name, backbone__qk_norm=normed))
        batch = batch_of(model)
        before = model.hidden(batch).states
        projections = [p for key, p in model.backbone.named_parameters() if key.endswith("attention.qkv.weight")]
        assert len(projections) == tiny(name).backbone.n_layers
        for projection in projections:
            projection[: tiny(name).backbone.dim].mul_(4)  # those of queries stand first
        assert torch.allclose(before, model.hidden(batch).states, atol=1e-3) == normed


@pytest.mark.parametrize(
    ("name", "changes", "setting"),
    [
        ("fluid", {"tokens": "discrete", "image_size": 20}, r"vq\.patch"),
        ("fluid", {"image_size": 20}, r"codec\.patch"),
        ("janus", {"encoders": "shared_vq", "image_size": 20}, r"vq\.patch"),
        ("transfusion", {"merge": 4}, r"patches of 32 \(codec\.patch times merge"),
    ],
)
def test_an_image_size_that_does_not_fit_names_the_setting_that_it_does_not_fit(
    name: str, changes: dict[str, Any], setting: str
) -> None:
    with pytest.raises(ConfigError, match=setting):
        tiny(name, **changes).picture()  # type: ignore[attr-defined]


def test_acdit_in_one_block_reads_no_schedule_of_guidance_and_a_cap_needs_pictures_that_come_first() -> None:
    whole = tiny("acdit", block=4)
    assert "sampling.guidance_schedule" in whole.unread() and "sampling.guidance_schedule" not in tiny("acdit").unread()
    assert "noise_cap" in tiny("transfusion", text_first=1.0).idle() and "noise_cap" not in tiny("transfusion").idle()
