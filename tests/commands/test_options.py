"""Options as they are typed: what would have no effect is an error."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from motet.codecs.text import TextCodec
from motet.commands.options import recipe_of, sampling_of
from motet.config import to_dict
from motet.errors import ConfigError
from motet.recipes.fluid import Fluid
from motet.recipes.latentlm import LatentLM
from motet.recipes.registry import RECIPES
from motet.recipes.run import RunConfig


@pytest.mark.parametrize(
    ("recipe", "changes", "idle"),
    [
        ("fluid", ["vq.patch=4"], "vq.patch=4"),
        ("fluid", ["tokens=discrete", "head.width=16"], "head.width=16"),
        ("fluid", ["codec.patch = 4", "tokens=discrete"], "codec.patch = 4"),
        ("fluid", ["order=raster", "masking.least=0.5"], "masking.least=0.5"),
        ("janus", ["head.width=16"], "head.width=16"),
        ("janus", ["generation=latent", "vq.codebook_size=32"], "vq.codebook_size=32"),
        ("janus", ["semantic.dim=32"], "semantic.dim=32"),
        ("janus", ["encoders=shared_vq", "contrast_batch=8"], "contrast_batch=8"),
        ("janus", ["adaptor_share=0", "adaptor_training.lr=0.1"], "adaptor_training.lr=0.1"),
        ("latentlm", ["training.seed=5"], "training.seed=5"),
        ("fluid", ["codec_training.seed=5"], "codec_training.seed=5"),
        ("janus", ["tuning_training.seed=5"], "tuning_training.seed=5"),
        ("vq", ["tokenizer=tokenizer.json", "vocab_size=512"], "vocab_size=512"),
        ("transfusion", ["codec.noise=none", "codec.sigma=0.5"], "codec.sigma=0.5"),
        ("latentlm", ["sampling.rounds=3"], "sampling.rounds=3"),
        ("vq", ["sampling.steps=3"], "sampling.steps=3"),
        ("mar", ["sampling.scales=1"], "sampling.scales=1"),
    ],
)
def test_settings_of_what_is_not_chosen_are_refused(recipe: str, changes: list[str], idle: str) -> None:
    with pytest.raises(ConfigError, match=f"{idle} has no effect on {recipe}"):
        recipe_of(recipe, "tiny", changes)


def test_settings_of_what_is_chosen_are_taken() -> None:
    janus = ["encoders=shared_semantic", "semantic.dim=32", "contrast_share=0.2", "tuning_training.lr=0.1", "vq.dim=16"]
    idle = recipe_of("janus", "tiny", janus).idle()
    assert [name for name in idle if not name.endswith(".seed")] == ["codec.", "head."]
    recipe = recipe_of("fluid", "tiny", ["tokens=discrete", "vq.codebook_size=32", "masking.least=0.5"])
    assert isinstance(recipe, Fluid) and (recipe.vq.codebook_size, recipe.masking.least) == (32, 0.5)
    recipe = recipe_of("fluid", "tiny", ["order=raster", "head.width=16", "codec.channels=4"])
    assert isinstance(recipe, Fluid) and (recipe.head.width, recipe.codec.channels) == (16, 4)
    recipe = recipe_of("latentlm", "paper", ["codec.noise=none", "vocab_size=512"])
    assert isinstance(recipe, LatentLM) and (recipe.codec.noise, recipe.vocab_size) == ("none", 512)
    assert recipe_of("latentlm", "tiny", ["sampling.top_k=3"]).sampling.top_k == 3, "its captions are words"
    assert recipe_of("mar", "tiny", ["sampling.rounds=3"]).sampling.rounds == 3


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], Path]:
    """A folder that says of itself that it is a run; options ask for no weights."""

    def make(recipe: str) -> Path:
        settings = to_dict(RECIPES[recipe].sizes["tiny"])
        config = RunConfig(recipe, settings, "emoji", minutes=None, steps=1, seed=0, version="0")
        (tmp_path / "config.json").write_text(json.dumps(to_dict(config)))
        TextCodec.learn(["a red fox"], 300, ["image"]).save(tmp_path / "tokenizer.json")
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("recipe", "want", "change", "said"),
    [
        ("vq", "image", "steps=3", "These have: guidance, guidance_schedule, temperature, top_k, top_p$"),
        ("janus", "image", "solver=heun", "solver has no effect on any image of"),
        ("puma", "image", "temperature=0.5", "These have: guidance, guidance_schedule, scales$"),
        ("emu", "image", "scales=1", "These have: guidance, guidance_schedule$"),
        ("latentlm", "image", "rounds=3", "rounds has no effect on any image of .*LatentLM, arXiv"),
        ("transfusion", "image", "guidance_schedule=linear", "guidance_schedule has no effect"),
        ("mar", "text", "rounds=3", "rounds has no effect on any text of"),
        ("mar", None, "scales=1", "scales has no effect on any answer of"),
    ],
)
def test_sampling_settings_that_change_no_answer_are_refused(
    run: Callable[[str], Path], recipe: str, want: str | None, change: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        sampling_of(run(recipe), {}, [change], want=want)


def test_sampling_settings_that_change_an_answer_are_taken(run: Callable[[str], Path]) -> None:
    assert sampling_of(run("mar"), {"guidance": 2.0, "steps": None}, ["rounds=3"], want="image").rounds == 3
    assert sampling_of(run("acdit"), {}, ["guidance_schedule=linear"], want="image").guidance_schedule == "linear"
    assert sampling_of(run("vq"), {}, ["max_tokens=none", "top_k=3"]).top_k == 3
    assert sampling_of(run("puma"), {"text_temperature": 0.5}, [], want="text").text_temperature == 0.5
