"""Findings stand exactly where a difference's interval leaves out zero."""

import math

import pytest

from motet.errors import DataError
from motet.evaluate.compare.findings import findings
from motet.evaluate.compare.measures import GROUPS, group, in_order, measure
from motet.evaluate.compare.summary import difference
from motet.evaluate.over_seeds import OverSeeds, over_seeds, student_t


def test_a_difference_that_exceeds_its_interval_gets_one_sentence_and_others_get_none() -> None:
    means = {
        "near": {"frechet": over_seeds([10.0, 11.0, 12.0]), "answers": over_seeds([0.5, 0.6, 0.7])},
        "far": {"frechet": over_seeds([20.0, 21.0, 22.0]), "answers": over_seeds([0.55, 0.65, 0.75])},
    }
    looked = findings(means)
    assert looked.differences == 2
    assert [(one.name, one.better, one.worse) for one in looked.findings] == [("frechet", "near", "far")]
    assert looked.findings[0].sentence == (
        "Frechet distance of drawn pictures (EfficientNet): near is lower (better) than far by 10 [7.73, 12.3] "
        "(11 against 21)."
    )


def test_where_more_is_better_the_higher_arm_is_named_as_better_in_percent() -> None:
    means = {"a": {"judge": over_seeds([0.1, 0.11])}, "b": {"judge": over_seeds([0.9, 0.91])}}
    (found,) = findings(means).findings
    assert (found.better, found.worse) == ("b", "a")
    assert "b is higher (better) than a by 80 [77, 83] % (90.5 against 10.5)" in found.sentence


def test_one_seed_finds_nothing_however_far_apart() -> None:
    means = {"a": {"frechet": over_seeds([1.0])}, "b": {"frechet": over_seeds([100.0])}}
    looked = findings(means)
    assert looked.findings == () and looked.differences == 0


def test_what_may_not_be_compared_is_not() -> None:
    apart = {"a": over_seeds([1.0, 1.1]), "b": over_seeds([5.0, 5.1])}
    for name in ("loss/image/text_first", "psnr", "parameters/head", "spent/minutes", "memory"):
        assert findings({arm: {name: value} for arm, value in apart.items()}).differences == 0, name
    text = findings({arm: {"loss/text/image_first": value} for arm, value in apart.items()})
    assert [one.better for one in text.findings] == ["a"]


def test_an_arm_without_a_number_is_passed_over() -> None:
    means = {"a": {"answers": over_seeds([0.1, 0.2])}, "b": {}, "c": {"answers": over_seeds([0.8, 0.9])}}
    assert [(one.better, one.worse) for one in findings(means).findings] == [("c", "a")]


def test_counts_without_spread_differ_for_certain_and_equal_ones_do_not() -> None:
    means = {
        "a": {"backbone_passes": over_seeds([10.0, 10.0])},
        "b": {"backbone_passes": over_seeds([16.0, 16.0])},
        "c": {"backbone_passes": over_seeds([10.0, 10.0])},
    }
    found = findings(means).findings
    assert [(one.better, one.worse, one.gap.mean) for one in found] == [("a", "b", 6.0), ("c", "b", 6.0)]


def test_shares_that_agree_by_chance_in_every_seed_are_no_finding() -> None:
    means = {"a": {"judge": over_seeds([0.0, 0.0, 0.0])}, "b": {"judge": over_seeds([1 / 24] * 3)}}
    assert findings(means).differences == 0
    assert findings(means).alike == 1, "but it is counted, and the page tells how many there are"
    same = {"a": means["a"], "b": {"judge": over_seeds([0.0, 0.0, 0.0])}}
    assert findings(same).alike == 0


def test_the_interval_of_a_difference_is_welchs() -> None:
    a, b = [1.0, 2.0, 3.0], [4.0, 8.0, 6.5, 5.0]
    va, vb = (sum((x - sum(v) / len(v)) ** 2 for x in v) / (len(v) - 1) / len(v) for v in (a, b))
    freedom = (va + vb) ** 2 / (va**2 / 2 + vb**2 / 3)
    half = {4: 2.776, 5: 2.571}[int(freedom)] * math.sqrt(va + vb)
    gap = difference(over_seeds(a), over_seeds(b))
    assert gap is not None and gap.high is not None and gap.low is not None
    assert gap.mean == pytest.approx(2.0 - 5.875)
    assert (gap.high - gap.low) / 2 == pytest.approx(half)
    assert difference(over_seeds(a), OverSeeds(1.0, None, None, 1)) is None


def test_students_t_is_rounded_to_the_wider_side() -> None:
    assert student_t(2.99) == student_t(2) == 4.303
    assert student_t(400) == student_t(16)
    with pytest.raises(DataError, match="at least one degree"):
        student_t(0.5)


def test_every_number_has_a_name_and_a_place() -> None:
    names = {
        "loss/text/text_first",
        "judge/counting",
        "judge",
        "seconds/16",
        "frechet",
        "parameters/head",
        "spent/flops",
    }
    assert in_order(names) == [
        "loss/text/text_first", "frechet", "judge", "judge/counting", "seconds/16", "parameters/head", "spent/flops",
    ]  # fmt: skip
    assert {group(name) for name in names} == set(GROUPS)
    assert measure("judge/colour_attribution").words == "judge: colour attribution"
    assert measure("seconds/16").shown(0.0123) == "12.3"
