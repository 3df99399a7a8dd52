"""The judge of ``scenes`` in a comparison, where the data is that; other data has none."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from jaxtyping import UInt8
from torch import Tensor

from motet.data.corpus import Corpus
from motet.data.document import Document
from motet.data.scenes.caption import read_caption
from motet.data.scenes.expectation import Expectation
from motet.data.scenes.item import item_of, vocabulary_of_item
from motet.data.scenes.prompts import categories, prompts, shown
from motet.data.scenes.vocabulary import Vocabulary
from motet.evaluate.judge.judge import load_judge

Draw = Callable[[Sequence[str]], UInt8[Tensor, "n 3 h w"]]
"""A picture for each text."""

NO_COLOUR = "no colour"
SEED = 0
"""Of the choice of prompts: all runs are asked the same."""


def is_scenes(corpus: Corpus) -> bool:
    return corpus.name.partition(":")[0] == "scenes"


def scores(corpus: Corpus, n: int, draw: Draw) -> dict[str, float]:
    """The share of ``n`` prompts of each category that are met, ``judge/counting`` and so on; nothing for other data.

    Categories that the data's levels never show are not asked: nobody could learn them. ``judge`` is the mean of the
    others, as GenEval's score is; ``judge_held_out`` the mean of those of compositions that no training picture shows,
    if the data's levels have any; ``judge_accuracy`` the judge's own, on real renders of that size, in the worst of the
    categories.
    """
    if not is_scenes(corpus):
        return {}
    address = item_of(corpus.held_out.documents[0].id).address
    sprites, asking = address.sprites, shown(address.levels, address.sprites)
    judge = load_judge(sprites)
    numbers: dict[str, float] = {}
    for name, held_out in (("judge", False), ("judge_held_out", True)):
        asked: list[tuple[str, Expectation]] = []
        for category in (one for one in categories(sprites, held_out=held_out) if one in asking):
            asked += prompts(category, n, SEED, sprites=sprites, held_out=held_out)
        if not asked:
            continue
        report = judge.report(draw([text for text, _ in asked]), [expectation for _, expectation in asked])
        numbers[name] = report.overall
        if not held_out:
            numbers["judge_accuracy"] = report.trust
            numbers |= {f"judge/{category}": found["rate"] for category, found in report.rates().items()}
    return numbers


def caption_truths(documents: Sequence[Document], written: Sequence[str]) -> list[bool] | None:
    """Which captions say just what their scene shows, however they put it; None unless all documents are scenes.

    A caption says every colour. Where it is silent about a size, it says medium, as the data's own captions do.
    """
    if not all(document.id.startswith("scenes/") for document in documents):
        return None
    true = []
    for document, caption in zip(documents, written, strict=True):
        item = item_of(document.id)
        vocabulary = vocabulary_of_item(item)
        told = read_caption(caption, vocabulary)
        true.append(told is not None and _in_full(told, vocabulary).exactly(item.scene.things))
    return true


def _in_full(told: Expectation, vocabulary: Vocabulary) -> Expectation:
    """The expectation with nothing left open: no size is medium, and no colour is none that things have."""
    none = "" if not vocabulary.colours else NO_COLOUR
    return replace(
        told,
        named=tuple(replace(one, size=one.size or "medium", colour=one.colour or none) for one in told.named),
    )
