"""Who is refused before a picture is described."""

from dataclasses import replace
from pathlib import Path

import pytest

from motet.commands.describing import describe
from motet.config import to_dict
from motet.errors import CapabilityError, CheckpointError
from motet.recipes.dit import TINY as DIT
from motet.recipes.latentlm import TINY
from motet.recipes.recipe import Recipe
from motet.recipes.run import RunConfig
from motet.recipes.same_data import write_data
from motet.request import Sampling
from motet.whole import write_json


def described(name: str, recipe: Recipe, run: Path) -> None:
    """Asks a run that has settings and no weights."""
    write_json(run / "config.json", to_dict(RunConfig(name, to_dict(recipe), "emoji", None, 4, 0, "test")))
    describe(run, [], sampling=Sampling(), seed=0)


@pytest.mark.parametrize(
    ("name", "recipe", "reason"),
    [
        ("dit", DIT, "it learns pictures and no text"),
        ("dit", replace(DIT, text_first=0.5), "it learns pictures and no text"),
        ("latentlm", replace(TINY, text_first=1.0), r"it learns pictures from text alone \(text_first=1\)"),
    ],
)
def test_a_model_that_never_learned_to_describe_is_not_asked(
    name: str, recipe: Recipe, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(CapabilityError, match=f"cannot describe pictures: {reason}"):
        described(name, recipe, tmp_path)


def test_one_whose_documents_are_questions_is_loaded(tmp_path: Path) -> None:
    write_data(tmp_path, {}, {"text"})
    with pytest.raises(CheckpointError, match=r"there is no .*ema\.safetensors"):
        described("latentlm", replace(TINY, text_first=1.0), tmp_path)


def test_one_that_did_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is no .*ema\.safetensors"):
        described("latentlm", TINY, tmp_path)
