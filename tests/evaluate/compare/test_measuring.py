"""Measures of a run: passes are counted as they are made, and a model that knows the answers gets full marks."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.evaluate.compare.measures import measure
from motet.evaluate.compare.measuring import Measured, measure_run
from motet.evaluate.compare.passes import count_passes
from motet.evaluate.compare.plan import Measuring
from motet.evaluate.compare.unlearned import unlearned
from motet.evaluate.judged import is_pair
from motet.evaluate.timed import Timed
from motet.pipeline import IMAGE, Pipeline
from motet.recipes.acdit import TINY as ACDIT
from motet.recipes.dit import TINY as DIT
from motet.recipes.latentlm import LatentLM
from motet.recipes.puma import TINY as PUMA_TINY
from motet.recipes.recipe import Recipe, initialised
from motet.recipes.weightless import weightless
from motet.request import Request, Sampling
from motet.types import Raw

HOW = Measuring(pictures=4, prompts=2, timed=(1,), shown=2, features=False)


@pytest.fixture(scope="module")
def pipeline(corpus: Corpus, quick: LatentLM) -> Pipeline:
    return Pipeline(initialised(quick, quick.text_codec(corpus), 0), quick.sampling)


@pytest.mark.parametrize(("guidance", "branches"), [(1.0, 1), (2.0, 2)])
def test_latentlm_takes_a_pass_a_token_and_its_head_one_for_each_solver_step(
    pipeline: Pipeline, quick: LatentLM, guidance: float, branches: int
) -> None:
    model, sampling = pipeline.model, Sampling(guidance=guidance, steps=5, solver="ddim")
    prompt = pipeline.encode("a red square")
    passes = count_passes(model, Request(tuple(prompt), IMAGE, sampling=sampling))
    n = math.prod(model.modality(IMAGE).grid)
    text = 1 + len(prompt[0].values)
    # one for all that stands before the picture, and one for each latent but the last, which nothing follows
    assert passes.backbone == 1 + (n - 1)
    assert passes.tokens == text + (branches - 1) + branches * (1 + n - 1)
    assert passes.head == 5 * n
    assert passes.decoder == 1
    kept = (text + 1 + n - 1) + (branches - 1) * (2 + n - 1)
    shape = quick.backbone
    assert passes.cache == kept * shape.n_layers * 2 * shape.dim * 4  # keys and values of four bytes
    assert "hidden" not in vars(model) and "sample" not in vars(model.modality(IMAGE).head), "nothing stays behind"


@pytest.mark.parametrize(("guidance", "branches"), [(1.0, 1), (2.0, 2)])
def test_a_decoder_that_draws_its_pictures_counts_for_each_step(corpus: Corpus, guidance: float, branches: int) -> None:
    decoder = replace(PUMA_TINY.decoder, steps=7, solver="ddim", guidance=guidance)
    recipe = replace(PUMA_TINY, decoder=decoder, codec_dropout=0.1)
    pipeline = Pipeline(initialised(recipe, recipe.text_codec(corpus), 0), recipe.sampling)
    passes = count_passes(pipeline.model, Request((), IMAGE, sampling=recipe.sampling))
    assert passes.decoder == 7 * branches
    assert measure("decoder_passes").shown(float(passes.decoder)) == str(7 * branches)
    assert not any(part._forward_hooks for part in pipeline.model.modules()), "nothing stays behind"


class Knows(Pipeline):
    """Answers as the documents have it, but for the first it is asked."""

    def __init__(self, pipeline: Pipeline, corpus: Corpus):
        super().__init__(pipeline.model, pipeline.sampling)
        self.corpus = corpus

    def generate_many(self, prompts: Sequence[Any], *, want: str | None = None, **_: Any) -> list[list[Raw]]:
        if want == IMAGE:
            return super().generate_many(prompts, want=want)
        asked = [len(prompt) == 2 for prompt in prompts]
        kind = 3 if all(asked) else 2
        right = [doc for doc in self.corpus.held_out.documents if len(doc.parts) == kind]
        told = [str(doc.parts[0 if kind == 2 else 2].value) for doc in right]
        return [[text] for text in ["something else", *told[1:]]]


def _measured(pipeline: Pipeline, recipe: Recipe, corpus: Corpus) -> Measured:
    return measure_run(pipeline, recipe, corpus, HOW, Timed(Console(quiet=True)))[0]


def test_right_answers_are_counted(pipeline: Pipeline, quick: LatentLM, corpus: Corpus) -> None:
    found = _measured(Knows(pipeline, corpus), quick, corpus)
    assert found.numbers["captions_exact"] == found.numbers["answers"] == 0.75
    assert found.left_out == []


def test_a_recipe_that_only_draws_has_no_captions_and_says_so(
    pipeline: Pipeline, quick: LatentLM, corpus: Corpus
) -> None:
    found = _measured(pipeline, replace(quick, text_first=1.0), corpus)
    assert not {"captions_exact", "loss/text/image_first"} & found.numbers.keys()
    assert "answers" in found.numbers, "questions are learned in any case"
    assert "loss/text/text_first" in found.numbers
    assert found.left_out == [
        "Captions: it learns pictures from text alone (text_first=1), so it cannot describe.",
        "Losses, image first: it learns pictures from text alone (text_first=1).",
    ]


def test_of_a_recipe_that_only_describes_no_picture_is_told(
    pipeline: Pipeline, quick: LatentLM, corpus: Corpus
) -> None:
    found, shown = measure_run(pipeline, replace(quick, text_first=0.0), corpus, HOW, Timed(Console(quiet=True)))
    assert shown is None
    assert not {"loss/text/text_first", "loss/image/text_first"} & found.numbers.keys()
    assert {"loss/text/image_first", "captions_exact", "psnr", "seconds/1"} <= found.numbers.keys()
    assert found.left_out == [
        "Drawing, and losses, text first: it learns text from pictures alone (text_first=0), so it cannot draw."
    ]


def test_what_no_document_can_measure_is_told_and_reconstruction_needs_no_pair(
    pipeline: Pipeline, quick: LatentLM, corpus: Corpus
) -> None:
    def doubled(split: Split) -> Split:
        """Each pair twice in one document, so that none is one text and one picture."""
        return replace(split, documents=tuple(replace(doc, parts=doc.parts * 2) for doc in _pairs(split).documents))

    many = replace(corpus, train=doubled(corpus.train), held_out=doubled(corpus.held_out))
    found = _measured(pipeline, quick, many)
    assert "psnr" in found.numbers and not {"seconds/1", "captions_exact", "backbone_passes"} & found.numbers.keys()
    why = "no held-out document is one text and one picture"
    assert {f"{what}: {why}." for what in ("What pictures cost", "Drawing", "Captions")} <= set(found.left_out)


def test_a_distance_of_one_picture_is_told_to_be_none(pipeline: Pipeline, quick: LatentLM, corpus: Corpus) -> None:
    pairs = _pairs(corpus.held_out)
    one = replace(corpus, held_out=replace(pairs, documents=pairs.documents[:1]))
    found, _ = measure_run(pipeline, quick, one, replace(HOW, features=True), Timed(Console(quiet=True)))
    assert "frechet" not in found.numbers
    assert "Frechet distance: a single held-out document is one text and one picture." in found.left_out


def test_chats_teach_what_pairs_do_not(pipeline: Pipeline, quick: LatentLM, corpus: Corpus) -> None:
    def turned(split: Split) -> Split:
        """The text of each pair is a user's."""
        pairs = [replace(doc, parts=(replace(doc.parts[0], learn=False), doc.parts[1])) for doc in split.documents]
        return replace(split, documents=tuple(pairs))

    pairs = replace(corpus, train=_pairs(corpus.train), held_out=_pairs(corpus.held_out))
    chats = replace(pairs, train=turned(pairs.train), held_out=turned(pairs.held_out))
    one_way = replace(quick, text_first=0.0)
    shown = [measure_run(pipeline, one_way, some, HOW, Timed(Console(quiet=True)))[1] for some in (pairs, chats)]
    assert shown[0] is None and shown[1] is not None


def test_edits_are_drawn_from_the_picture_and_the_instruction(
    pipeline: Pipeline, quick: LatentLM, corpus: Corpus
) -> None:
    picture = next(part for doc in corpus.held_out.documents for part in doc.parts if part.modality == IMAGE)
    parts = (replace(picture, learn=False), Part("text", "make it so", learn=False), picture)
    edit = Document("edit", parts)
    mixed = replace(corpus, held_out=replace(corpus.held_out, documents=(*corpus.held_out.documents, edit)))
    found = _measured(pipeline, quick, mixed)
    assert found.numbers["edits_copied"] > 50 > found.numbers["edits_psnr"] > 0
    unlearned = _measured(pipeline, replace(quick, text_first=0.0), mixed)
    assert "edits_psnr" not in unlearned.numbers
    assert "Edits: it learns text from pictures alone (text_first=0), so it cannot draw." in unlearned.left_out
    taught = replace(mixed, train=replace(corpus.train, documents=(*corpus.train.documents, edit)))
    assert "edits_psnr" in _measured(pipeline, replace(quick, text_first=0.0), taught).numbers


def _pairs(split: Split) -> Split:
    return replace(split, documents=tuple(doc for doc in split.documents if is_pair(doc)))


NUMBERS = (
    *("loss/text/text_first", "loss/text/image_first", "loss/image/text_first", "loss/image/image_first"),
    *("frechet", "frechet_codec", "judge", "judge/counting", "judge_held_out", "judge_accuracy"),
)


@pytest.mark.parametrize(
    ("recipe", "gone"),
    [
        (ACDIT, set()),
        (replace(ACDIT, condition="class"), {"loss/text/text_first"}),
        (replace(ACDIT, image_weight=0.0), {"loss/image/text_first", "loss/image/image_first"}),
        (DIT, {"loss/text/text_first", "loss/text/image_first", "loss/image/image_first"}),
        (
            replace(ACDIT, text_first=0.0),
            {
                *("loss/text/text_first", "loss/image/text_first"),
                *("frechet", "judge", "judge/counting", "judge_held_out"),
            },
        ),
    ],
)
def test_numbers_of_what_is_not_learned_are_left_out(corpus: Corpus, recipe: Recipe, gone: set[str]) -> None:
    found = Measured(dict.fromkeys(NUMBERS, 1.0), [])
    for sentence, names in unlearned(recipe, weightless(recipe, recipe.text_codec(corpus))).items():
        found.leave_out(names, sentence)
    assert set(NUMBERS) - found.numbers.keys() == gone
    assert bool(found.left_out) == bool(gone)
