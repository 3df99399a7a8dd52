"""Questions about pictures, as claims count them."""

import pytest
from PIL import Image

from motet.data.document import Document, Part
from motet.evaluate.claims.asked import answered_blindly, questions


def asked(number: int, question: str, answer: str) -> Document:
    parts = (Part("image", Image.new("RGB", (8, 8)), False), Part("text", question, False), Part("text", answer))
    return Document(str(number), parts)


CAPTION = Document("8", (Part("text", "a circle"), Part("image", Image.new("RGB", (8, 8)))))


def test_what_a_question_gives_away_by_itself_is_counted() -> None:
    train = [asked(0, "what size?", "medium"), asked(1, "what size?", "medium"), asked(2, "what size?", "large")]
    train += [asked(3, "is it red?", "no"), CAPTION]
    held_out = [asked(5, "what size?", "medium"), asked(6, "is it red?", "yes"), asked(7, "is it blue?", "medium")]
    assert answered_blindly(train, held_out) == pytest.approx(2 / 3)
    assert answered_blindly(train, [CAPTION]) is None
    assert answered_blindly([CAPTION], held_out) is None


def test_a_caption_is_no_question() -> None:
    one = asked(0, "what size?", "medium")
    assert questions([CAPTION, one]) == [one]
