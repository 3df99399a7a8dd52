"""The judge in a comparison: true renders get full marks, blank ones none, and other data has no judge."""

from collections.abc import Sequence
from random import Random

import pytest
import torch
from torch import Tensor

from motet.data.corpus import Corpus
from motet.data.scenes.caption import read_caption
from motet.data.scenes.compose import showing
from motet.data.scenes.draw import draw as render
from motet.data.scenes.expectation import CATEGORIES
from motet.data.scenes.source import ScenesSource
from motet.data.scenes.vocabulary import vocabulary_of
from motet.evaluate.compare import judging
from motet.evaluate.compare.judging import caption_truths, scores
from motet.evaluate.judge.accuracy import Accuracy
from motet.evaluate.judge.judge import Judge, Reading
from motet.evaluate.judge.reader import Lessons, Reader
from motet.evaluate.judged import to_uint8

SHAPES = vocabulary_of("shapes")


class Knows(Judge):
    """Sees what was asked to be drawn, unless the picture is blank."""

    def __init__(self) -> None:
        super().__init__(SHAPES, Reader(SHAPES, Lessons().width))
        own = {"counting": 0.99, "position": 0.98, "level_4": 0.5}  # the last is of no category that is asked
        self.known[48] = {"clean": [Accuracy(name, 1, reads, 1.0, 1.0) for name, reads in own.items()]}
        self.scenes: list[Reading] = []

    def read_many(self, pictures: Tensor | Sequence) -> list[Reading]:
        assert isinstance(pictures, Tensor)
        blank = pictures.float().flatten(1).std(1) == 0
        return [Reading(()) if b else seen for b, seen in zip(blank.tolist(), self.scenes, strict=True)]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Knows:
    known = Knows()
    monkeypatch.setattr(judging, "load_judge", lambda sprites: known)
    return known


def test_each_category_has_its_share_of_met_prompts(judge: Knows) -> None:
    corpus = Corpus.of(ScenesSource("kind=caption,n=20"), (48, 48))
    rng = Random(0)

    def draw(texts: Sequence[str]) -> Tensor:
        told = [read_caption(text, SHAPES) for text in texts]
        scenes = [showing(one, SHAPES, rng) for one in told if one is not None]
        judge.scenes = [Reading(scene.things) for scene in scenes]
        pictures = to_uint8([render(scene, 48) for scene in scenes])
        wanted = [one is not None and one.category == "counting" for one in told]
        pictures[torch.tensor(wanted)] = 255
        return pictures

    found = scores(corpus, 3, draw)
    assert {name.removeprefix("judge/") for name in found if "/" in name} == set(CATEGORIES)
    assert found["judge/counting"] == 0.0 and found["judge/position"] == found["judge/one_object"] == 1.0
    assert found["judge"] == pytest.approx(5 / 6)
    assert 0 < found["judge_held_out"] < 1, "held-out compositions are counted, too, and those were left blank"
    assert found["judge_accuracy"] == 0.98


def test_a_caption_is_true_of_its_scene_however_it_is_put() -> None:
    documents = ScenesSource("kind=caption,n=40,level=3").documents()
    plain = next(doc for doc in documents if " and " in doc.text)
    first, second = plain.text.split(" and ")
    turned = f"{second} and {first}"
    assert caption_truths([plain] * 3, [plain.text, turned, "a red dragon"]) == [True, True, False]


def test_a_caption_that_leaves_out_a_size_or_a_colour_is_not_true() -> None:
    documents = ScenesSource("kind=caption,n=400,level=1").documents("held_out")
    sized = next(doc for doc in documents if "small" in doc.text or "large" in doc.text)
    shortened = sized.text.replace("small ", "").replace("large ", "")
    colour = next(word for word in sized.text.split() if word in SHAPES.colours)
    assert caption_truths([sized] * 3, [sized.text, shortened, sized.text.replace(f"{colour} ", "")]) == [
        True,
        False,
        False,
    ]


def test_what_the_levels_of_the_data_never_show_is_not_asked(judge: Knows) -> None:
    corpus = Corpus.of(ScenesSource("kind=caption,n=20,level=1-2"), (48, 48))

    def draw(texts: Sequence[str]) -> Tensor:
        judge.scenes = [Reading(())] * len(texts)
        return torch.zeros(len(texts), 3, 48, 48, dtype=torch.uint8)

    asked = {name.removeprefix("judge/") for name in scores(corpus, 2, draw) if "/" in name}
    assert asked == {"one_object", "two_objects", "counting", "colours"}


def test_where_no_composition_is_held_out_there_is_no_score_of_them(
    judge: Knows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "categories", lambda sprites, held_out: () if held_out else ("one_object",))
    corpus = Corpus.of(ScenesSource("kind=caption,n=20,level=1"), (48, 48))

    def draw(texts: Sequence[str]) -> Tensor:
        assert texts, "nobody draws nothing"
        judge.scenes = [Reading(())] * len(texts)
        return torch.zeros(len(texts), 3, 48, 48, dtype=torch.uint8)

    found = scores(corpus, 2, draw)
    assert found["judge"] == found["judge/one_object"] == 0.0 and "judge_held_out" not in found


def test_other_data_has_no_judge(corpus: Corpus) -> None:
    assert scores(corpus, 3, lambda texts: pytest.fail("nothing is drawn")) == {}
    assert caption_truths(corpus.held_out.documents, ["a"] * 8) is None
