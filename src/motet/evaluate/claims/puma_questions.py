"""PUMA's granularity, asked of a language model: what it answers from one scale of a picture, and from all of them.

Fang et al. 2024 (arXiv 2410.13861, the comparison of scales by understanding): a model that reads one scale alone
answers worse the coarser that is, and where the position of things is asked it fails from the coarsest ones. Here each
arm reads features of the same encoder, pooled to one number of tokens or to all of them one after another, learns from
captions and questions, and draws nothing. ``puma-granularity`` asks the features themselves, by linear probes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from motet.codecs.feature_decoder import FeatureDecoderShape
from motet.codecs.features import FeaturesShape
from motet.config import override
from motet.data.corpus import Corpus
from motet.data.document import Document
from motet.data.scenes.item import item_of
from motet.data.source import open_source
from motet.evaluate.claims.asked import answered, answered_blindly, questions
from motet.evaluate.claims.claim import Scale
from motet.evaluate.claims.expected import AsGood, Below, Expectation, Expected
from motet.evaluate.claims.small import LATTICE, MEASURING, SEEDS, brief, small
from motet.evaluate.claims.trained import TrainedClaim, TrainedRun
from motet.evaluate.compare.budget import Allowance
from motet.evaluate.compare.plan import Arm, Comparison, Measuring
from motet.recipes.puma import PUMA, TINY
from motet.recipes.study import SIDE
from motet.train.settings import Budget

# The setting: two things of two colours, so that every picture can be asked how its things stand.
DATA: Mapping[Scale, str] = {
    "full": f"scenes:kind=told,level=3,size={SIDE},lattice={LATTICE},n=16000",
    "quick": "scenes:kind=told,level=3,size=32,n=160",
}
FRESH: Mapping[Scale, str] = {
    "full": f"scenes:kind=questions,level=3,size={SIDE},lattice={LATTICE},n=1200,seed=1",
    "quick": "scenes:kind=questions,level=3,size=32,n=40,seed=1",
}
"""Questions on scenes that no arm has seen, of compositions that training shows."""
DOCUMENTS: Mapping[Scale, int] = {"full": 12_000, "quick": 60}
"""Seen by each run, repeats counted; three in ten are questions."""
CODECS: Mapping[Scale, Budget] = {"full": Budget(steps=400), "quick": Budget(steps=2)}
"""Of the encoder, once for all runs, and of a small decoder for each arm, which nothing here looks at."""
ASKED: Mapping[Scale, Measuring] = {
    "full": Measuring(pictures=192, prompts=1, timed=(), shown=2, features=False),
    "quick": MEASURING["quick"],
}
"""No picture is drawn that would be worth a look."""
FACTORS: Mapping[str, tuple[int, ...]] = {
    "tokens-1": (8,),
    "tokens-4": (4,),
    "tokens-16": (2,),
    "tokens-64": (1,),
    "all": (8, 4, 2, 1),
}
"""By how much each arm's 8 x 8 features are pooled."""
PLACES = ("relation", "position")
"""Topics of questions that ask how two things stand."""


class PUMAQuestions(TrainedClaim):
    """Answers by the number of tokens that are read."""

    name: ClassVar[str] = "puma-questions"
    statement: ClassVar[str] = (
        "A model that reads a picture as few coarse features cannot say how things in it stand; with more and finer "
        "ones it can, and with all scales together about as well as with the finest alone."
    )
    source: ClassVar[str] = "PUMA, arXiv 2410.13861, the comparison of scales by understanding"
    published: ClassVar[tuple[str, ...]] = (
        "A model that reads one scale alone, of 1, 4, 16, 64, 256 tokens (from the paper): MMB 56.8, 58.3, 61.5, 63.6, "
        "65.4; VQAv2 64.1, 67.0, 71.1, 74.4, 76.9; GQA 0.0, 0.0, 46.6, 58.4, 58.8, whose zeros may be a failure of its "
        "evaluation (unverified)",
        "Expected here: questions of places are answered as if blindly from 4 tokens and fewer",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "places": "share of questions on how two things stand that are answered rightly, fresh scenes",
        "places_gain": "the same, less the share that is right by the most frequent answer, without the picture",
        "others": "share of all other questions that are answered rightly: colour, shape, size, number, presence",
        "others_gain": "the same, less the share that is right without the picture",
        "captions_true": "share of held-out pictures whose caption is true",
        "parameters/learned": "parameters of backbone, embeddings and heads",
        "spent/samples": "documents seen, repeats counted",
        "spent/minutes": "minutes of training",
    }
    expected: ClassVar[Sequence[Expectation]] = (
        Below("places_gain", "tokens-1", 0.1),
        Below("places_gain", "tokens-4", 0.1),
        Expected("places", "tokens-16", "higher", "tokens-4"),
        Expected("places", "tokens-64", "higher", "tokens-1"),
        AsGood("places", "all", "higher", "tokens-64"),
    )
    tried: ClassVar[tuple[str, ...]] = (
        "Tried: 24,000 documents and 600 steps of the encoder (one seed): 69, 71 and 74 % of questions of places from "
        "1, 4 and 64 tokens, where 30 % are right without the picture.",
        "Suspected, not tried: the encoder learns from captions of such scenes, of which half name the relation, so "
        "even its mean says how things stand; an encoder of the captions of photographs, as the paper's, need not.",
    )
    plotted: ClassVar[Sequence[str]] = ("places", "others", "captions_true")
    meaningless: ClassVar[Mapping[str, Sequence[str]]] = {arm: ("drawn",) for arm in FACTORS}

    def comparisons(self, scale: Scale) -> list[Comparison]:
        arms = tuple(Arm(label, "puma", _reader(scale, factors)) for label, factors in FACTORS.items())
        allowance = Allowance("samples", float(DOCUMENTS[scale]))
        return [Comparison(arms, DATA[scale], allowance, CODECS[scale], SEEDS[scale], ASKED[scale])]

    def also(self, run: TrainedRun) -> dict[str, float]:
        fresh = Corpus.of(open_source(FRESH[run.scale]), run.corpus.train.size).train
        asked = questions(fresh.documents)
        found: dict[str, float] = {}
        for name, wanted in (("places", True), ("others", False)):
            some = [document for document in asked if _asks_for_place(document) is wanted]
            right, blind = answered(run.pipeline, some), answered_blindly(run.corpus.train.documents, some)
            assert right and blind is not None
            found |= {name: sum(right) / len(right), f"{name}_gain": sum(right) / len(right) - blind}
        return found


def _asks_for_place(document: Document) -> bool:
    question = item_of(document.id).question
    return question is not None and question.topic in PLACES


def _reader(scale: Scale, factors: tuple[int, ...]) -> PUMA:
    """PUMA that learns to write of pictures of those scales, and to draw none."""
    changes = {"factors": factors, "alphas": (1.0,) * len(factors), "text_first": 0.0, "sampling.scales": 0}
    if scale == "quick":
        return override(
            TINY, {"image_size": 32, "features.patch": 4, "row_length": 128, "sampling.max_tokens": 8, **changes}
        )
    sizes = replace(
        small(PUMA(doubt=0.0)),
        features=FeaturesShape(patch=4, dim=96, n_layers=3, n_heads=3),
        decoder=FeatureDecoderShape(dim=32, n_layers=1, n_heads=2, steps=2),
        codec_batch=8,
    )
    return override(sizes, {**changes, **brief("contrast_training", "codec_training", "training")})
