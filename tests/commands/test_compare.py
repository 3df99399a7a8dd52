"""`motet compare` as it is typed."""

from typing import Any

import pytest

from motet.commands.compare import Asked, comparison_of
from motet.errors import ConfigError
from motet.evaluate.compare.budget import Allowance
from motet.recipes.latentlm import LatentLM
from motet.train.settings import Budget


def _asked(**given: Any) -> Asked:
    plain: dict[str, Any] = {
        "recipes": ["paper=latentlm", "latentlm"],
        "data": "scenes",
        "budget": "5m",
        "seeds": 3,
        "size": "tiny",
        "changes": [],
        "codecs": None,
        "parameters": None,
        "judged": 192,
    }
    return Asked(**{**plain, **given})


def test_a_change_with_an_arms_name_is_for_it_and_any_other_for_all() -> None:
    changes = ["paper.doubt=0.25", "rows=4", "backbone.n_layers=1"]
    paper, plain = (arm.recipe for arm in comparison_of(_asked(changes=changes)).arms)
    assert isinstance(paper, LatentLM) and isinstance(plain, LatentLM)
    assert (paper.doubt, plain.doubt) == (0.25, 0.0)
    assert paper.rows == plain.rows == 4 and paper.backbone.n_layers == plain.backbone.n_layers == 1


def test_a_sampling_setting_that_one_arm_cannot_use_is_taken_for_all_and_refused_for_that_arm() -> None:
    recipes = ["mar", "vq"]
    mar, vq = (arm.recipe for arm in comparison_of(_asked(recipes=recipes, changes=["sampling.rounds=8"])).arms)
    assert mar.sampling.rounds == vq.sampling.rounds == 8
    with pytest.raises(ConfigError, match=r"sampling\.rounds=8 has no effect on vq"):
        comparison_of(_asked(recipes=recipes, changes=["vq.sampling.rounds=8"]))


def test_codecs_get_half_of_the_budgets_minutes_or_three() -> None:
    found = comparison_of(_asked(budget="2m"))
    assert (found.allowance, found.codecs, found.seeds) == (Allowance("minutes", 2.0), Budget(minutes=1.0), (0, 1, 2))
    assert comparison_of(_asked(budget="1e15flops")).codecs == Budget(minutes=3.0)
    assert comparison_of(_asked(codecs="7steps")).codecs == Budget(steps=7)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"recipes": ["latentln"]}, "unknown recipe 'latentln'"),
        ({"size": "huge"}, "no size 'huge'"),
        ({"changes": ["latentln.doubt=1"]}, "unknown setting 'latentln.doubt'"),
        ({"seeds": 0}, "at least 1"),
        ({"parameters": float("nan")}, "--parameters is nan"),
        ({"parameters": float("inf")}, "--parameters is inf"),
        ({"recipes": ["a/b=latentlm"]}, "an arm is called 'a/b'"),
    ],
)
def test_what_cannot_be_meant_is_an_error(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        comparison_of(_asked(**given))
