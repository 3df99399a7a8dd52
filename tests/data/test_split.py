import random

import pytest

from motet.data.document import Document
from motet.data.problem import ItemError
from motet.data.split import HELD_OUT, TRAIN, hold_out, joined, named_split


def held_out(ids: list[str]) -> set[str]:
    documents = hold_out([Document(id, ()) for id in ids], ids)
    assert [document.id for document in documents] == ids
    return {document.id for document in documents if document.split == HELD_OUT}


def test_about_a_twentieth_is_held_out() -> None:
    assert 130 < len(held_out([f"picture {n}" for n in range(4000)])) < 270


def test_at_most_500_are_held_out() -> None:
    assert len(held_out([str(n) for n in range(12_000)])) == 500


def test_one_is_held_out_of_a_few_and_none_of_one() -> None:
    assert len(held_out(["a", "b"])) == 1
    assert held_out(["a"]) == set()


def test_the_split_depends_neither_on_order_nor_on_what_else_there_is() -> None:
    ids = [str(n) for n in range(2000)]
    shuffled = random.Random(0).sample(ids, len(ids))
    assert held_out(shuffled) == held_out(ids)
    assert held_out(ids[:1000]) == held_out(ids) & set(ids[:1000])


def test_the_split_is_the_same_in_every_version() -> None:
    assert held_out([str(n) for n in range(100)]) == {"29", "72", "90", "99"}


def test_documents_with_one_key_stay_together() -> None:
    documents = [Document(str(n), ()) for n in range(300)]
    split = hold_out(documents, [str(n // 3) for n in range(300)])
    assert all(len({document.split for document in split[n : n + 3]}) == 1 for n in range(0, 300, 3))
    assert {document.split for document in split} == {TRAIN, HELD_OUT}


def test_what_most_documents_share_is_trained_on() -> None:
    for crowd in map(str, range(200)):
        keys = [crowd] * 12 + ["x", "y"]
        found = {
            key for key, doc in zip(keys, hold_out([Document("", ())] * 14, keys), strict=True) if doc.split == HELD_OUT
        }
        assert found and found <= {"x", "y"}


def test_of_a_few_groups_a_small_one_is_held_out() -> None:
    keys = ["a"] * 4 + ["b"] * 2 + ["c"] * 4
    found = [doc.split == HELD_OUT for doc in hold_out([Document("", ())] * 10, keys)]
    assert found == [key == "b" for key in keys]


def test_items_that_share_a_name_through_others_get_one_key_and_no_other_does() -> None:
    names = [["d"], ["c", "b"], ["e", "f"], ["b", "a"], ["c"], ["f", "g", "e"]]
    assert joined(names) == ["d", "a", "e", "a", "a", "e"]
    assert joined([]) == []


def test_the_key_of_linked_items_does_not_depend_on_their_order() -> None:
    rng = random.Random(0)
    names = [[str(rng.randrange(60)) for _ in range(rng.randrange(1, 4))] for _ in range(40)]
    keys = dict(zip(map(tuple, names), joined(names), strict=True))
    shuffled = rng.sample(names, len(names))
    assert joined(shuffled) == [keys[tuple(some)] for some in shuffled]
    assert all((keys[tuple(a)] == keys[tuple(b)]) or not {*a} & {*b} for a in names for b in names)


@pytest.mark.parametrize("name", ["held_out", "validation", "test", "Val", " dev "])
def test_the_usual_words_name_the_held_out_split(name: str) -> None:
    assert named_split(name) == HELD_OUT


def test_a_word_that_names_no_split_is_refused() -> None:
    with pytest.raises(ItemError, match="'spare'"):
        named_split("spare")
