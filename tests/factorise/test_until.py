"""Pictures of as many codes as they need: what is predicted, where it stands, and when drawing stops."""

import torch

from motet.codecs.halves import Halves
from motet.codecs.sentence import Sentence
from motet.diffusion.guidance import Guidance
from motet.factorise.factorisation import Wish
from motet.factorise.given import Given
from motet.factorise.until import Until
from motet.heads.categorical import Categorical, TokenSampling
from motet.sequence import Append, Commit, Draw, Segment

RANKED, PLACED = Sentence(5), Sentence(5, places=4)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def segment(ids: list[int], *, learn: bool = True) -> Segment:
    return Segment("image", torch.tensor(ids), (2, 2), learn)


def generated(sentence: Sentence, draws: list[int]) -> tuple[list[int], list[list[int]], int]:
    """What comes of a run whose draws are given: the ids, the positions they are committed at, the number of draws."""
    head = Categorical(8, sentence.size)
    program = Until(sentence).generate(Wish("image", (2, 2), 7, TokenSampling()), head, torch.zeros(1, 1, 8), rng())
    left, placed, reply = list(draws), [], None
    while True:
        try:
            asked = program.send(reply)
        except StopIteration as end:
            return end.value.tolist(), placed, len(draws) - len(left)
        if isinstance(asked, Draw):
            reply = torch.tensor([left.pop(0)])
        else:
            assert isinstance(asked, Commit | Append) and len(asked.span) == 1
            placed += asked.span.pos.tolist()
            reply = torch.zeros(1, 1, 8)


def test_every_code_and_the_end_are_predicted_each_from_the_token_before():
    (span,) = Until(RANKED).arrange(segment([3, 1, 5]), 7, rng())
    assert span.predict is not None and span.predict.at.tolist() == [0, 1, 2]
    assert span.predict.value.tolist() == [3, 1, 5] and span.predict.by == "previous" and not span.whole
    assert span.pos.tolist() == [[7, 0, 0, 0], [8, 0, 0, 0], [9, 0, 0, 0]]
    (read,) = Until(RANKED).arrange(segment([3, 1, 5], learn=False), 7, rng())
    assert read.predict is None


def test_an_end_that_is_certain_is_not_predicted():
    (span,) = Until(RANKED).arrange(segment([3, 1, 0, 0, 5]), 7, rng())
    assert span.predict is not None and span.predict.at.tolist() == [0, 1, 2, 3] and len(span) == 5


def test_drawing_stops_at_the_end_or_when_it_is_certain():
    ids, placed, draws = generated(RANKED, [2, 4, 5, 0])
    assert (ids, draws) == ([2, 4, 5], 3)
    assert placed == [[7, 0, 0, 0], [8, 0, 0, 0], [9, 0, 0, 0]]
    ids, placed, draws = generated(RANKED, [2, 4, 1, 1, 0])
    assert (ids, draws, len(placed)) == ([2, 4, 1, 1, 5], 4, 5)


def test_a_code_stands_at_the_place_that_was_said_before_it_in_training_and_in_drawing():
    ids = [7, 3, 9, 1, 5]  # place 1, code 3, place 3, code 1, end
    expected = [[7, 0, 0, 1], [8, 0, 0, 1], [9, 0, 1, 1], [10, 0, 1, 1], [11, 0, 1, 1]]
    (span,) = Until(PLACED).arrange(segment(ids), 7, rng())
    assert span.pos.tolist() == expected
    assert generated(PLACED, ids)[:2] == (ids, expected)
    assert len(generated(PLACED, [0] * 20)[0]) == 9, "a place and a code for each of four, and the end"


def test_a_view_has_the_tokens_that_carry_features_one_behind_the_other():
    given = Given(Until(PLACED), Halves(2), view="view", carries=PLACED.carries)
    ids = torch.tensor([7, 3, 9, 1, 5])
    features = torch.arange(10.0).view(5, 2)
    both = Segment("image", torch.cat([features, ids[:, None]], 1), (2, 2), learn=False)
    (view,) = given.arrange(both, 7, rng())
    assert view.modality == "view" and view.values.tolist() == [[2, 3], [6, 7]] and view.predict is None
    assert view.pos.tolist() == [[7, 0, 0, 1], [8, 0, 1, 1]]
    (made,) = given.arrange(Segment("image", both.values, (2, 2)), 7, rng())
    assert made.modality == "image" and torch.equal(made.values, ids)


def test_linear_guidance_comes_to_its_scale_at_the_usual_number_and_stays_there():
    """Of 4 patches half are kept, as a rule: the second code has the full scale, and so have those behind it."""
    head = Categorical(8, RANKED.size)
    how = TokenSampling(guidance=Guidance(3.0, "linear"))
    program = Until(RANKED, usual=0.5).generate(Wish("image", (2, 2), 7, how), head, torch.zeros(2, 1, 8), rng())
    scales, reply = [], None
    while True:
        try:
            asked = program.send(reply)
        except StopIteration:
            break
        if isinstance(asked, Draw):
            scales.append(asked.how.guidance.scale)
            reply = torch.tensor([1])
        else:
            reply = torch.zeros(2, 1, 8)
    assert scales == [1.0, 3.0, 3.0, 3.0]
