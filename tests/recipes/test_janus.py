"""Janus: which way a picture enters, what each stage trains, and the settings of the paper's ablation."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from motet.codecs.decoupled import Decoupled
from motet.codecs.semantic_vq import SemanticVQ
from motet.config import override, to_dict
from motet.embed.aligner import AlignedCodes
from motet.errors import ConfigError
from motet.generate import run
from motet.model import Model
from motet.recipes.janus import VIEW, Janus
from motet.recipes.recipe import initialised
from motet.recipes.run import RunConfig, load, train_run
from motet.request import Request, Sampling, answer
from motet.sequence import Segment, pack
from support.listening import Heard, drawn_from, listening
from support.random_weights import randomise
from support.squares import COLOURS, squares

TINY = Janus.sizes["tiny"]
pytestmark = pytest.mark.usefixtures("file_cache")


def stirred(recipe: Janus) -> Model:
    model = initialised(recipe, recipe.text_codec(squares()), 0).requires_grad_(False)
    return randomise(model, torch.Generator().manual_seed(1), spread=0.2)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("generation", ["vq", "latent"])
def test_a_picture_that_is_read_enters_as_features_and_one_that_is_made_as_what_is_drawn(generation: str):
    model = stirred(override(TINY, {"generation": generation}))
    (text, picture) = squares().train.encoded(model)[0]
    codec = model.modality("image").codec
    assert isinstance(codec, Decoupled)
    read = model.arrange([replace(picture, learn=False), text], rng())[1]
    torch.testing.assert_close(read.values, codec.given.encode(Image.new("RGB", (16, 16), COLOURS["red"]))[0])
    assert read.modality == VIEW and read.predict is None
    made = model.arrange([text, picture], rng())[1]
    assert made.modality == "image" and made.predict is not None and torch.equal(made.values, made.predict.value)
    if generation == "vq":
        assert torch.equal(made.values, codec.drawn.encode(Image.new("RGB", (16, 16), COLOURS["red"]))[0])
    decoded = [codec.decode(values, (2, 2)) for values in (picture.values, codec.means(picture.values))]
    assert decoded[0].tobytes() == decoded[1].tobytes()


def test_text_behind_a_read_picture_is_generated_from_the_states_of_the_training_forward():
    model = stirred(TINY)
    (_, picture) = squares().train.encoded(model)[0]
    picture = replace(picture, learn=False)
    heard: Heard = []
    request = Request((picture,), "text", sampling=Sampling(max_tokens=4))
    text = run(model, [listening(answer(model, request), heard)], [1])[0][0]
    drawn = drawn_from(heard, "text")
    spans = model.arrange([picture, text], rng())
    batch = pack([spans], rows=1, length=sum(map(len, spans)))
    states = model.hidden(batch).states.flatten(0, 1)[batch.target["text"].at][: len(drawn)]
    torch.testing.assert_close(torch.cat(drawn, 1)[0], states, atol=1e-4, rtol=1e-4)
    other = replace(picture, values=picture.values + 1)
    changed = pack([model.arrange([other, text], rng())], rows=1, length=sum(map(len, spans)))
    moved = model.hidden(changed).states - model.hidden(batch).states
    assert moved[0, -1].abs().max() > 1e-3, "features must reach the text"


def test_a_picture_that_the_model_drew_is_read_as_what_it_drew():
    model = stirred(TINY)
    codes = Segment("image", torch.tensor([3, 1, 4, 1]), (2, 2), learn=False)
    span = model.prompt([codes])[1]
    assert span.modality == "image" and torch.equal(span.values, codes.values)


def test_each_stage_trains_its_own_parts():
    model = initialised(TINY, TINY.text_codec(squares()), 0)
    picture = model.modality("image")
    codec = picture.codec
    assert isinstance(codec, Decoupled)
    outer = {"embed": picture.embed, "head": picture.head}
    inner = {"backbone": model.backbone, "words": model.modality("text").embed}
    parts = {"given": codec.given, "drawn": codec.drawn, **outer, **inner}
    trained = {}
    for stage in TINY.stages(0):
        model.requires_grad_(False)
        stage.objective(model, squares())
        trained[stage.name] = {name for name, part in parts.items() if all(p.requires_grad for p in part.parameters())}
    joint = {*outer, *inner}
    assert trained == {
        "codec": {"drawn"}, "contrast": {"given"}, "adaptors": {*outer}, "model": joint, "tuning": joint
    }  # fmt: skip


def test_joint_stages_see_documents_in_orders_of_their_own():
    model = initialised(TINY, TINY.text_codec(squares()), 0)
    seeds = [s.objective(model, squares()).seed for s in TINY.stages(0) if s.name in ("adaptors", "model", "tuning")]
    assert len(set(seeds)) == 3 and seeds[1] == 0, "the main one has the order that other recipes have"


def test_shares_add_up_and_a_stage_without_a_share_is_left_out():
    for encoders, names in (
        ("decoupled", ["codec", "contrast", "model"]),
        ("shared_vq", ["codec", "model"]),
        ("shared_semantic", ["contrast", "codec", "model"]),
    ):
        recipe = override(TINY, {"encoders": encoders, "adaptor_share": 0.0, "tuning_share": 0.0})
        assert [stage.name for stage in recipe.stages(0)] == names
        assert sum(stage.share for stage in recipe.stages(0)) == pytest.approx(1)
        assert sum(stage.share for stage in override(TINY, {"encoders": encoders}).stages(0)) == pytest.approx(1)


def test_vectors_of_codes_start_as_the_codebook_before_the_first_stage_of_the_model():
    model = initialised(TINY, TINY.text_codec(squares()), 0)
    codec = model.modality("image").codec
    (table,) = (part for part in model.modality("image").embed.modules() if isinstance(part, AlignedCodes))
    stages = {stage.name: stage for stage in TINY.stages(0)}
    before = table.table.weight.clone()
    stages["adaptors"].objective(model, squares())
    assert not torch.equal(table.table.weight, before)
    torch.testing.assert_close(table.table.weight, codec.drawn.codebook.codes * 2, msg="4 numbers of mean square 1")
    table.table.weight.data += 1
    stages["model"].objective(model, squares())
    assert not torch.equal(table.table.weight, codec.drawn.codebook.codes * 2), "later stages must not start it anew"


def test_a_semantic_tokenizer_learns_its_teachers_features_and_leaves_the_teacher_alone(tmp_path: Path):
    settings = {"encoders": "shared_semantic", "codec_share": 0.6, "contrast_share": 0.1}
    recipe = override(TINY, settings | {"adaptor_share": 0.1, "tuning_share": 0.1, "codec_training.lr": 1e-2})
    model = initialised(recipe, recipe.text_codec(squares()), 0)
    stages = {stage.name: stage for stage in recipe.stages(0)}
    objective = stages["codec"].objective(model, squares())
    codec = objective.module
    assert isinstance(codec, SemanticVQ)
    teacher = [p.clone() for p in codec.teacher.parameters()]
    optimizer = torch.optim.Adam([p for p in codec.parameters() if p.requires_grad], lr=1e-2)
    cosines = []
    for step in range(30):
        losses = objective.losses(objective.batch(step * 32)[0])
        losses.total.backward()
        optimizer.step()
        optimizer.zero_grad()
        cosines.append(1 - float(losses.parts["meaning"]))
    assert cosines[-1] > 0.8 > 0.5 > cosines[0]
    assert all(torch.equal(p, q) for p, q in zip(teacher, codec.teacher.parameters(), strict=True))
    assert objective.evaluate()["cosine"] > 0.5
    config = RunConfig("janus", to_dict(recipe), "squares", None, 6, 0, "test")
    assert train_run(config, squares(), tmp_path / "run")
    assert load(tmp_path / "run", device="cpu").generate("a red square", want="image", max_tokens=4)[0].size == (16, 16)


def test_settings_that_contradict_each_other_are_errors():
    with pytest.raises(ConfigError, match="shares codes; generation=latent has none"):
        override(TINY, {"encoders": "shared_vq", "generation": "latent"})
    with pytest.raises(ConfigError, match="are negative, or leave the model nothing"):
        override(TINY, {"tuning_share": 0.8})
    recipe = override(TINY, {"features.patch": 4})
    with pytest.raises(ConfigError, match=r"read as \(4, 4\) tokens and made as \(2, 2\); give both codecs the same"):
        recipe.picture()
    with pytest.raises(ConfigError, match="patches of 8 pixels and their teacher's features for patches of 4"):
        override(recipe, {"encoders": "shared_semantic"}).picture()
