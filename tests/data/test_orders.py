"""Orders of a pair, and what is learned of it."""

from functools import partial

import pytest
import torch

from motet.data.orders import before_last, described, drawn, taught
from motet.sequence import Segment

TEXT = Segment("text", torch.arange(3))
PICTURE = Segment("image", torch.zeros(2, 1), (1, 2))
READ = Segment("text", torch.arange(2), learn=False)
SHOWN = Segment("image", torch.zeros(2, 1), (1, 2), learn=False)


def names(segments: list[Segment]) -> list[str]:
    return [segment.modality for segment in segments]


@pytest.mark.parametrize("pair", [[TEXT, PICTURE], [PICTURE, TEXT]])
def test_a_learned_pair_is_drawn_with_the_text_first_and_described_with_the_text_last(pair: list[Segment]):
    assert names(drawn(pair)) == ["text", "image"] and all(segment.learn for segment in drawn(pair))
    assert names(described(pair)) == ["image", "text"]
    assert [segment.learn for segment in described(pair)] == [False, True]


def test_what_is_described_can_be_learned_too_under_little_noise():
    picture, text = described([TEXT, PICTURE], noise=0.5)
    assert picture.learn and picture.noise == 0.5 and text is TEXT
    assert all(segment.noise == 1.0 for segment in drawn([TEXT, PICTURE]))


@pytest.mark.parametrize("turns", [[SHOWN, TEXT], [READ, PICTURE], [PICTURE, READ], [TEXT, SHOWN]])
def test_the_turns_of_a_chat_keep_their_order_and_what_the_assistant_says_is_learned(turns: list[Segment]):
    for order in (drawn, described, partial(described, noise=0.5)):
        assert all(one is other for one, other in zip(order(turns), turns, strict=True))


@pytest.mark.parametrize("document", [[PICTURE, READ, TEXT], [PICTURE, READ, PICTURE], [TEXT], [PICTURE, PICTURE]])
def test_other_documents_keep_their_order_and_what_is_learned(document: list[Segment]):
    for order in (drawn, described):
        assert all(one is other for one, other in zip(order(document), document, strict=True))


@pytest.mark.parametrize(
    ("document", "prompt"),
    [
        ([TEXT, PICTURE], [TEXT]),
        ([PICTURE, TEXT], [TEXT]),
        ([SHOWN, READ, PICTURE], [SHOWN, READ]),
        ([TEXT, PICTURE, TEXT, PICTURE, TEXT], [TEXT, PICTURE, TEXT]),
        ([SHOWN, READ, TEXT], []),
        ([PICTURE], []),
    ],
)
def test_the_prompt_of_a_picture_is_what_stands_before_it(document: list[Segment], prompt: list[Segment]):
    found = before_last(document, "image")
    assert len(found) == len(prompt) and all(one is other for one, other in zip(found, prompt, strict=True))


@pytest.mark.parametrize(
    ("document", "modalities"),
    [
        ([TEXT, PICTURE], set()),
        ([READ, PICTURE], {"image"}),
        ([SHOWN, TEXT], {"text"}),
        ([SHOWN, READ, PICTURE], {"image"}),
        ([SHOWN, READ, TEXT], {"text"}),
        ([TEXT, PICTURE, TEXT], {"text", "image"}),
        ([PICTURE, PICTURE], set()),
        ([TEXT, TEXT], set()),
    ],
)
def test_a_document_teaches_what_it_has_learned_behind_something_else(document: list[Segment], modalities: set[str]):
    assert taught(document) == modalities
