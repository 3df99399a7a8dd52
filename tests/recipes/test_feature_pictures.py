"""PUMA and Emu: pictures as features, drawn by a decoder of their own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from motet.codecs.feature_decoder import FeatureDecoderShape
from motet.config import to_dict
from motet.errors import ConfigError
from motet.model import TEXT, Model
from motet.pipeline import Pipeline
from motet.recipes.emu import Emu
from motet.recipes.feature_pictures import pyramid_of
from motet.recipes.puma import PUMA
from motet.recipes.recipe import initialised
from motet.recipes.run import RunConfig, load, train_run
from motet.request import Sampling
from motet.sequence import Segment, pack
from support.squares import COLOURS, squares

TINY = PUMA.sizes["tiny"]
pytestmark = pytest.mark.usefixtures("own_cache")


def stirred() -> Model:
    """PUMA with random weights everywhere."""
    model = initialised(TINY, TINY.text_codec(squares()), 0).requires_grad_(False)
    rng = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=rng) * parameter.shape[-1] ** -0.5)
    return model


def pixels(picture: object) -> np.ndarray:
    return np.asarray(picture).astype(int)


def test_a_seed_changes_the_picture_and_not_the_features_that_it_is_drawn_from():
    model = stirred()
    pipeline = Pipeline(model, TINY.sampling)
    first, again, other = (
        made[0] for made in pipeline.generate_many(["a red square"] * 3, want="image", seeds=[0, 0, 1])
    )
    assert np.abs(pixels(first) - pixels(again)).max() <= 1
    assert np.abs(pixels(first) - pixels(other)).max() > 1
    alone = pipeline.generate("a red square", want="image", seed=1)[0]
    assert np.abs(pixels(alone) - pixels(other)).max() <= 1


def test_pictures_of_one_scale_are_drawn_from_that_many_tokens():
    model = stirred()
    pipeline = Pipeline(model, TINY.sampling)
    drawn = [pipeline.generate("a red square", want="image", scales=scales)[0] for scales in (1, 2, 0)]
    assert np.abs(pixels(drawn[0]) - pixels(drawn[1])).max() > 1
    assert np.array_equal(pixels(drawn[1]), pixels(drawn[2]))


def test_an_edit_is_a_document_of_a_picture_that_is_read_and_one_that_is_written():
    model = stirred()
    pyramid = pyramid_of(model)
    before, after = (Segment("image", *pyramid.encode(Image.new("RGB", (16, 16), COLOURS[c]))) for c in ("red", "blue"))
    words = Segment(TEXT, model.text.encode("a blue square")[0], learn=False)
    spans = model.arrange([replace(before, learn=False), words, after], torch.Generator())
    batch = pack([spans], rows=1, length=sum(map(len, spans)))
    target = batch.target["image"]
    assert torch.equal(target.value, after.values), "only the second picture is asked for"
    made = Pipeline(model, TINY.sampling).generate(
        [Image.new("RGB", (16, 16), COLOURS["red"]), "a blue square"], want="image"
    )
    assert isinstance(made[0], Image.Image) and made[0].size == (16, 16)


def test_each_stage_trains_its_own_part_and_leaves_the_others_as_they_are(tmp_path: Path):
    run = tmp_path / "run"
    assert train_run(RunConfig("puma", to_dict(TINY), "squares", None, 8, 0, "test"), squares(), run)
    fresh = initialised(TINY, TINY.open_text(run / "tokenizer.json"), 0)
    trained = load(run, device="cpu").model
    for part in ("features.trunk", "decoder.trunk"):
        before, after = (pyramid_of(model).get_submodule(part).state_dict() for model in (fresh, trained))
        assert any(not torch.equal(before[name], after[name]) for name in before), f"{part} has learned"
    values = torch.cat(
        [pyramid_of(trained).features.encode(Image.new("RGB", (16, 16), c))[0] for c in COLOURS.values()]
    )
    assert values.mean(0).abs().max() < 1e-3, "measured after the encoder's stage, and not changed by the later ones"
    torch.testing.assert_close(values.std(0), torch.ones(16), atol=1e-2, rtol=1e-2)


def test_the_stages_share_out_the_whole_budget():
    for recipe in (PUMA(), Emu()):
        stages = recipe.stages(0)
        assert [stage.name for stage in stages] == ["contrast", "codec", "model"]
        assert sum(stage.share for stage in stages) == pytest.approx(1.0)


def test_stages_that_leave_the_model_no_time_are_refused():
    with pytest.raises(ConfigError, match="leave some of it to the model"):
        PUMA(contrast_share=0.5, codec_share=0.5)


def test_guidance_of_a_decoder_that_learns_no_unconditional_branch_is_refused():
    with pytest.raises(ConfigError, match="set codec_dropout"):
        PUMA(decoder=FeatureDecoderShape(guidance=2.0))


def test_more_scales_than_there_are_is_refused_before_anything_is_trained():
    with pytest.raises(ConfigError, match=r"^sampling\.scales is 3, but a picture has 2; 0 generates all of them"):
        PUMA(factors=(2, 1), alphas=(8.0, 1.0))


def test_emu_is_puma_with_one_scale():
    small = Emu()
    one = PUMA(factors=(2,), alphas=(1.0,), sampling=Sampling(guidance=1.0))
    assert one.order().scales == small.order().scales and one.order().weights == small.order().weights
    assert Emu.sizes["paper"].order().scales.sizes((16, 16)) == [64]
    assert PUMA.sizes["paper"].order().scales.sizes((16, 16)) == [1, 4, 16, 64, 256]
