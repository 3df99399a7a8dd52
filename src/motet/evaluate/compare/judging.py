"""The judge of ``scenes`` in a comparison, where the data is that; other data has none."""

from collections.abc import Callable, Sequence

from jaxtyping import UInt8
from torch import Tensor

from motet.data.corpus import Corpus
from motet.data.document import Document
from motet.data.scenes.caption import read_caption
from motet.data.scenes.expectation import Expectation
from motet.data.scenes.item import item_of, vocabulary_of_item
from motet.data.scenes.prompts import categories, prompts
from motet.evaluate.judge.judge import load_judge

Draw = Callable[[Sequence[str]], UInt8[Tensor, "n 3 h w"]]
"""A picture for each text."""

SEED = 0
"""Of the choice of prompts: all runs are asked the same."""


def is_scenes(corpus: Corpus) -> bool:
    return corpus.name.partition(":")[0] == "scenes"


def scores(corpus: Corpus, n: int, draw: Draw) -> dict[str, float]:
    """The share of ``n`` prompts of each category that are met, ``judge/counting`` and so on; nothing for other data.

    ``judge`` is the mean of the categories, as GenEval's score is; ``judge_held_out`` the mean of the categories of
    compositions that no training picture shows; ``judge_accuracy`` the judge's own, on real renders of that size, in
    the worst of the categories.
    """
    if not is_scenes(corpus):
        return {}
    sprites = vocabulary_of_item(item_of(corpus.held_out.documents[0].id)).name
    judge = load_judge(sprites)
    numbers: dict[str, float] = {}
    for name, held_out in (("judge", False), ("judge_held_out", True)):
        asked: list[tuple[str, Expectation]] = []
        for category in categories(sprites, held_out=held_out):
            asked += prompts(category, n, SEED, sprites=sprites, held_out=held_out)
        report = judge.report(draw([text for text, _ in asked]), [expectation for _, expectation in asked])
        numbers[name] = report.overall
        if not held_out:
            numbers["judge_accuracy"] = report.trust
            numbers |= {f"judge/{category}": found["rate"] for category, found in report.rates().items()}
    return numbers


def caption_truths(documents: Sequence[Document], written: Sequence[str]) -> list[bool] | None:
    """Which captions say just what their scene shows, however they put it; None unless all documents are scenes."""
    if not all(document.id.startswith("scenes/") for document in documents):
        return None
    true = []
    for document, caption in zip(documents, written, strict=True):
        item = item_of(document.id)
        told = read_caption(caption, vocabulary_of_item(item))
        true.append(told is not None and told.exactly(item.scene.things))
    return true
