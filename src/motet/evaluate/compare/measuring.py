"""Everything that is measured of a trained run, by raw prompts and pictures alone, so that it fits every recipe.

What a recipe cannot do, or what an uninstalled package would measure, is left out with a sentence.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from motet.data.corpus import Corpus, Split
from motet.data.document import Document
from motet.data.evenly import evenly
from motet.data.pixels import Pixels
from motet.errors import CapabilityError, MissingExtra
from motet.evaluate.captions import matches
from motet.evaluate.compare.edits import edit_numbers, is_edit
from motet.evaluate.compare.judging import caption_truths, is_scenes, scores
from motet.evaluate.compare.match import sizes
from motet.evaluate.compare.passes import count_passes
from motet.evaluate.compare.plan import Measuring
from motet.evaluate.compare.unlearned import unlearned
from motet.evaluate.features import EfficientNetFeatures
from motet.evaluate.frechet import frechet_distance
from motet.evaluate.judged import IMAGE, is_pair, taught_by_pairs, to_uint8
from motet.evaluate.measures import held_out_losses
from motet.evaluate.reconstruction import psnr
from motet.evaluate.timed import Timed
from motet.pipeline import Pipeline, Prompt
from motet.recipes.recipe import Recipe
from motet.request import Request
from motet.types import Raw

SEED = 0
"""Of everything drawn here, whatever the run's seed: all runs answer the same prompts under the same seeds."""
NO_PAIR = "no held-out document is one text and one picture"
REPEATS, COUNTED = 3, 4
"""Batches that are timed, and pictures whose passes are counted: some recipes take as many as a picture needs."""


@dataclass(frozen=True)
class Shown:
    """Some held-out texts with the pictures drawn for them, and the true ones."""

    prompts: tuple[str, ...]
    drawn: UInt8[Tensor, "n 3 h w"]
    true: UInt8[Tensor, "n 3 h w"]


@dataclass
class Measured:
    """What was measured so far: numbers by name, and a sentence for each thing that could not be."""

    numbers: dict[str, float]
    left_out: list[str]

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """A body that may find itself unable; whatever it measured before stays."""
        try:
            yield
        except (CapabilityError, MissingExtra) as error:
            self.left_out.append(f"{what}: {error}.")

    def leave_out(self, names: Sequence[str], why: str) -> None:
        """Forgets numbers of these names, or that begin with one that ends in a slash; says why if there are any."""
        every = tuple(name for name in names if name.endswith("/"))
        gone = [name for name in self.numbers if name in names or name.startswith(every)]
        for name in gone:
            del self.numbers[name]
        if gone:
            self.left_out.append(why)


def measure_run(
    pipeline: Pipeline, recipe: Recipe, corpus: Corpus, how: Measuring, timed: Timed
) -> tuple[Measured, Shown | None]:
    """The numbers of a run, by the names of ``compare/measures.py``, and pictures to show if it has learned to draw."""
    found = Measured({f"parameters/{k}": float(v) for k, v in sizes(pipeline.model).to_json().items()}, [])
    shown: Shown | None = None
    pairs = evenly([doc for doc in corpus.held_out.documents if is_pair(doc)], how.pictures)
    _losses(found, pipeline, corpus.held_out, timed)
    with found.attempt("What pictures cost"):
        _costs(found, pipeline, [doc.text for doc in pairs], how, timed)
    with found.attempt("Drawing"):
        shown = _drawn(found, pipeline, pairs, how, timed)
        if not pairs:
            _reconstruction(found, pipeline, corpus.held_out, how)
        _judge(found, pipeline, corpus, how, timed)
    taught = taught_by_pairs(corpus.train)
    if why := recipe.mute(taught):
        found.left_out.append(f"Captions: {why}, so it cannot describe.")
    else:
        with found.attempt("Describing"):
            _captions(found, pipeline, pairs, timed)
    if edits := evenly([doc for doc in corpus.held_out.documents if is_edit(doc)], how.pictures):
        if why := recipe.handless(corpus.train.taught()):
            found.left_out.append(f"Edits: {why}, so it cannot draw.")
        else:
            with found.attempt("Editing"):
                _edits(found, pipeline, edits, timed)
    if why := recipe.mute(corpus.train.taught()):
        found.left_out.append(f"Answers: {why}, so it cannot answer.")
    else:
        with found.attempt("Answering"):
            _answers(found, pipeline, corpus, how, timed)
    for sentence, names in unlearned(recipe, pipeline.model, taught).items():
        found.leave_out(names, sentence)
    return found, None if recipe.handless(taught) else shown


def _losses(found: Measured, pipeline: Pipeline, split: Split, timed: Timed) -> None:
    with timed.task("held-out losses", 2 * len(split.documents)) as tick:
        losses = held_out_losses(pipeline.model, split, seed=SEED, tick=tick)
    found.numbers |= {f"loss/{name}": interval.mean for name, interval in losses.items()}


def _costs(found: Measured, pipeline: Pipeline, texts: Sequence[str], how: Measuring, timed: Timed) -> None:
    if not texts:
        found.left_out.append(f"What pictures cost: {NO_PAIR}.")
        return
    asked = [tuple(pipeline.encode(text)) for text in evenly(texts, COUNTED)]
    requests = [Request(prompt, IMAGE, seed=SEED, sampling=pipeline.sampling) for prompt in asked]
    counted = [count_passes(pipeline.model, request) for request in requests]
    found.numbers |= {
        "backbone_passes": statistics.fmean(passes.backbone for passes in counted),
        "backbone_tokens": statistics.fmean(passes.tokens for passes in counted),
        "head_passes": statistics.fmean(passes.head for passes in counted),
        "decoder_passes": statistics.fmean(passes.decoder for passes in counted),
        "cache_bytes": statistics.fmean(passes.cache for passes in counted),
    }
    for batch in how.timed:
        prompts = [texts[i % len(texts)] for i in range(REPEATS * batch)]
        with timed.task(f"timing batches of {batch}", REPEATS) as tick:
            seconds = []
            for repeat in range(REPEATS):
                began = time.perf_counter()
                pipeline.generate_many(prompts[repeat * batch : (repeat + 1) * batch], want=IMAGE)
                seconds.append(time.perf_counter() - began)
                tick(repeat + 1)
        found.numbers[f"seconds/{batch}"] = statistics.median(seconds) / batch


def _drawn(
    found: Measured, pipeline: Pipeline, pairs: Sequence[Document], how: Measuring, timed: Timed
) -> Shown | None:
    """A picture for each held-out text, and how far their distribution is from the true one."""
    if not pairs:
        found.left_out.append(f"Drawing: {NO_PAIR}.")
        return None
    drawn = draw(pipeline, [doc.text for doc in pairs], "drawing held-out texts", timed)
    side = (int(drawn.shape[2]), int(drawn.shape[3]))
    pixels = Split(tuple(pairs), side).pixels
    true, rebuilt = _true_and_rebuilt(pipeline, pixels, range(len(pixels)))
    found.numbers["psnr"] = float(psnr(rebuilt, true).mean())
    if how.features and len(pairs) == 1:
        found.left_out.append("Frechet distance: a single held-out document is one text and one picture.")
    elif how.features:
        with found.attempt("Frechet distance"):
            network = EfficientNetFeatures()
            with timed.task("looking at pictures", 3 * len(pairs)) as tick:
                seen = []
                for number, pictures in enumerate((true, drawn, rebuilt)):
                    done = number * len(pairs)
                    seen.append(network(pictures, lambda some, _, done=done: tick(done + some)))
            found.numbers["frechet"] = frechet_distance(seen[1], seen[0])
            found.numbers["frechet_codec"] = frechet_distance(seen[2], seen[0])
            found.numbers["frechet_pictures"] = float(len(pairs))
    some = evenly(range(len(pairs)), how.shown)
    return Shown(tuple(pairs[i].text for i in some), drawn[some], true[some])


def _reconstruction(found: Measured, pipeline: Pipeline, split: Split, how: Measuring) -> None:
    """How like their originals pictures are behind the codec, where they stand in documents of another kind."""
    if not len(split.pixels):
        found.left_out.append("Reconstruction: no held-out document has a picture.")
        return
    true, rebuilt = _true_and_rebuilt(pipeline, split.pixels, evenly(range(len(split.pixels)), how.pictures))
    found.numbers["psnr"] = float(psnr(rebuilt, true).mean())


def _judge(found: Measured, pipeline: Pipeline, corpus: Corpus, how: Measuring, timed: Timed) -> None:
    told = scores(corpus, how.prompts, lambda texts: draw(pipeline, texts, "drawing the judge's prompts", timed))
    found.numbers |= told
    if is_scenes(corpus) and "judge_held_out" not in told:
        found.left_out.append("Judge of compositions that no training picture shows: these levels of scenes have none.")


def _captions(found: Measured, pipeline: Pipeline, pairs: Sequence[Document], timed: Timed) -> None:
    if not pairs:
        found.left_out.append(f"Captions: {NO_PAIR}.")
        return
    prompts: list[Prompt] = [[_picture(doc)] for doc in pairs]
    written = _written(pipeline, prompts, "describing held-out pictures", timed)
    right = matches(written, [doc.text for doc in pairs])
    found.numbers["captions_exact"] = sum(right) / len(right)
    true = caption_truths(pairs, written)
    if true is not None:
        found.numbers["captions_true"] = sum(true) / len(true)


def _answers(found: Measured, pipeline: Pipeline, corpus: Corpus, how: Measuring, timed: Timed) -> None:
    """Documents of a picture, a question that is only read, and its answer."""
    asked = evenly([doc for doc in corpus.held_out.documents if _is_question(doc)], how.pictures)
    if not asked:
        found.left_out.append("Answers: no held-out document is a picture, a question and its answer.")
        return
    prompts: list[Prompt] = [[_picture(doc), str(doc.parts[1].value)] for doc in asked]
    written = _written(pipeline, prompts, "answering questions", timed)
    right = matches(written, [str(doc.parts[2].value) for doc in asked])
    found.numbers["answers"] = sum(right) / len(right)


def _edits(found: Measured, pipeline: Pipeline, asked: Sequence[Document], timed: Timed) -> None:
    prompts: list[Prompt] = [[_picture(doc), str(doc.parts[1].value)] for doc in asked]
    found.numbers |= edit_numbers(asked, draw(pipeline, prompts, "editing", timed))


def draw(pipeline: Pipeline, prompts: Sequence[Prompt], words: str, timed: Timed) -> UInt8[Tensor, "n 3 h w"]:
    """A picture for each prompt; number i is drawn under seed i."""
    with timed.task(words, len(prompts)) as tick:
        made = pipeline.generate_many(list(prompts), want=IMAGE, progress=tick)
    return to_uint8([answer[0] for answer in made])


def _written(pipeline: Pipeline, prompts: Sequence[Prompt], words: str, timed: Timed) -> list[str]:
    with timed.task(words, len(prompts)) as tick:
        return [str(answer[0]) for answer in pipeline.generate_many(prompts, want="text", progress=tick)]


def _true_and_rebuilt(
    pipeline: Pipeline, pixels: Pixels, which: Sequence[int]
) -> tuple[UInt8[Tensor, "n 3 h w"], UInt8[Tensor, "n 3 h w"]]:
    true = torch.from_numpy(np.array(pixels.array[list(which)])).permute(0, 3, 1, 2).contiguous()
    return true, _rebuilt(pipeline, [pixels.picture(i) for i in which])


def _rebuilt(pipeline: Pipeline, pictures: list[Image.Image]) -> UInt8[Tensor, "n 3 h w"]:
    """Pictures through the codec, which may make another number of tokens of each: the best that a model could draw."""
    codec, factorise = pipeline.model.modality(IMAGE).codec, pipeline.model.modality(IMAGE).factorise
    by_grid: dict[tuple[int, ...], list[int]] = defaultdict(list)
    encoded = codec.encode_many(list(pictures))
    for i, (_, grid) in enumerate(encoded):
        by_grid[grid].append(i)
    made: dict[int, Raw] = {}
    for grid, members in by_grid.items():
        means = (codec.means(encoded[i][0]) for i in members)
        values = [factorise.drawable(one, grid, pipeline.sampling.scales) for one in means]
        made |= dict(zip(members, codec.decode_many(values, grid), strict=True))
    return to_uint8([made[i] for i in range(len(pictures))])


def _picture(document: Document) -> Image.Image:
    picture = next(part for part in document.parts if part.modality == IMAGE).load()
    assert isinstance(picture, Image.Image)
    return picture


def _is_question(document: Document) -> bool:
    return [(part.modality, part.learn) for part in document.parts][1:] == [("text", False), ("text", True)] and (
        document.parts[0].modality == IMAGE
    )
