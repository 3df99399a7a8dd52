"""What the page says of recipes whose training or codecs are unlike the others'."""

import pytest

from motet.config import override
from motet.evaluate.compare.budget import Allowance
from motet.evaluate.compare.findings import Looked
from motet.evaluate.compare.notes import notes
from motet.evaluate.compare.plan import Arm, Comparison
from motet.recipes.registry import RECIPES
from motet.train.settings import Budget


def test_orders_of_several_stages_and_codecs_that_draw_are_told_of_those_that_have_them() -> None:
    arms = tuple(Arm(name, name, RECIPES[name].sizes["tiny"]) for name in ("vq", "janus", "puma"))
    comparison = Comparison(arms, "emoji", Allowance("minutes", 5.0), Budget(minutes=2.5), (0,))
    told = notes(comparison, [], Looked((), 0))
    assert [line.partition(":")[0] for line in told if "order of documents of its own" in line] == ["janus"]
    assert [line.partition(":")[0] for line in told if "by diffusion" in line] == ["puma"]


@pytest.mark.parametrize(
    ("change", "told"), [({}, 0), ({"balance": 0.25}, 1), ({"describing_balance": 0.75}, 1), ({"text_first": 0.25}, 1)]
)
def test_other_weights_of_groups_are_told_where_arms_have_other_ones(change: dict[str, float], told: int) -> None:
    vq = RECIPES["vq"].sizes["tiny"]
    arms = (Arm("vq", "vq", vq), Arm("other", "vq", override(vq, change)))
    comparison = Comparison(arms, "emoji", Allowance("minutes", 5.0), Budget(minutes=2.5), (0,))
    lines = notes(comparison, [], Looked((), 0))
    assert sum("weigh groups of documents differently" in line for line in lines) == told


def test_differences_without_an_interval_are_told() -> None:
    arms = (Arm("vq", "vq", RECIPES["vq"].sizes["tiny"]),)
    comparison = Comparison(arms, "emoji", Allowance("minutes", 5.0), Budget(minutes=2.5), (0,))
    told = [
        [line for line in notes(comparison, [], Looked((), 0, n)) if "have no interval, since" in line] for n in (0, 3)
    ]
    assert told[0] == [] and [line[:13] for line in told[1]] == ["3 differences"]
