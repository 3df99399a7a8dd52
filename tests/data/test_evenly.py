from motet.data.evenly import evenly


def test_some_of_many_are_taken_from_all_over_and_in_their_order() -> None:
    classes = ["fox"] * 50 + ["hare"] * 30 + ["owl"] * 20
    assert evenly(classes, 10) == ["fox"] * 5 + ["hare"] * 3 + ["owl"] * 2
    assert evenly(range(100), 4) == [0, 25, 50, 75]


def test_few_are_all_taken_and_none_is_none() -> None:
    assert evenly("abc", 5) == ["a", "b", "c"]
    assert evenly([], 5) == []
