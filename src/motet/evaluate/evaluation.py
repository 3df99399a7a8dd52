"""The evaluation of a model: every measure that applies to some data.

Pictures are judged by retrieval: of the codec's reconstructions of all pictures, trained and held out, is the true one
the nearest to the generated one? What the codec loses does not count, and a right answer has to beat all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from motet.config import to_dict
from motet.data.corpus import Corpus
from motet.data.evenly import evenly
from motet.errors import DataError, MissingExtra, ShapeError
from motet.evaluate.answers import Answers, describe, draw, drawing
from motet.evaluate.captions import SentenceEncoder
from motet.evaluate.drift import Drift, curve, drift
from motet.evaluate.features import EfficientNetFeatures
from motet.evaluate.interval import Interval
from motet.evaluate.judged import Judged, decoded, image_segments, judged
from motet.evaluate.measures import (
    Distances,
    Features,
    Group,
    Reconstruction,
    distances,
    group,
    held_out_losses,
    latents,
    reconstruction,
)
from motet.evaluate.one_step import one_step_ahead
from motet.evaluate.timed import Timed
from motet.model import Model
from motet.pipeline import Pipeline
from motet.request import Sampling
from motet.seed import checked_seed

SPLITS = {"trained": False, "held_out": True}
FORCED = 128
"""Pictures whose latents are drawn once more, on true history, at most: enough for two curves."""


@dataclass(frozen=True)
class Evaluation:
    """What was measured. ``groups`` has ``trained`` and ``held_out``, where the data has pairs of text and picture.

    left_out: a sentence for everything that could not be measured. seconds: how long each task took.
    unlike: a sentence, if the model did not learn from the corpus's trained documents; else its held-out ones are new.
    """

    corpus: Corpus
    sampling: Sampling
    gallery: int
    losses: dict[str, Interval]
    reconstruction: Reconstruction | None
    groups: dict[str, Group]
    distances: Distances | None
    drift: Drift | None
    left_out: tuple[str, ...]
    seconds: dict[str, float]
    unlike: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON-ready. All but ``seconds`` and ``seconds_per_picture`` is the same whenever it is measured."""
        return {
            "data": self.corpus.name,
            "sampling": to_dict(self.sampling),
            "gallery": self.gallery,
            "losses": {name: interval._asdict() for name, interval in self.losses.items()},
            "reconstruction": None if self.reconstruction is None else self.reconstruction.to_json(),
            "groups": {name: group.to_json() for name, group in self.groups.items()},
            "distances": None if self.distances is None else self.distances.to_json(),
            "drift": None if self.drift is None else self.drift.to_json(),
            "left_out": list(self.left_out),
            "seconds_per_picture": {name: group.answers.seconds._asdict() for name, group in self.groups.items()},
            "seconds": self.seconds,
        }


def evaluate(
    pipeline: Pipeline,
    corpus: Corpus,
    *,
    n: int = 400,
    sampling: Sampling | None = None,
    features: bool = True,
    seed: int = 0,
    timed: Timed | None = None,
    mute: str = "",
) -> Evaluation:
    """Measures a model on a corpus. ``features=False`` leaves out what EfficientNet sees, most of the time.

    mute: why the model does not describe (``Recipe.mute``); it is then not asked to.
    Raises ConfigError for a seed that is negative or too large.
    """
    checked_seed(seed)
    model, how, timed = pipeline.model, sampling or pipeline.sampling, timed or Timed()
    asked, left_out = _asked(model, corpus, n=n, seed=seed)
    losses, rebuilt = _on_held_out(model, corpus, how, seed, timed, left_out)
    gallery = _gallery(model, corpus, how, timed) if asked else torch.zeros(0, 3, 1, 1, dtype=torch.uint8)
    if asked and mute:
        left_out.append(f"Captions: {mute}, so it cannot describe.")
    answers = {name: _answers(model, name, pairs, how, timed, describes=not mute) for name, pairs in asked.items()}
    seen = _features(gallery, answers, timed, left_out) if features else {}
    if not features and asked:
        left_out.append("Retrieval by features, Frechet and kernel distance: `motet eval` measures them.")
    encoder = _sentence_encoder(left_out) if asked and not mute else None
    groups = {}
    with timed.task("ranking and comparing", len(answers)) as tick:
        for name, some in answers.items():
            groups[name] = group(some, gallery, seen.get(name), encoder)
            tick(len(groups))
    return Evaluation(
        corpus=corpus,
        sampling=how,
        gallery=len(gallery),
        losses=losses,
        reconstruction=rebuilt,
        groups=groups,
        distances=_distances(seen, answers, left_out),
        drift=_drift(model, list(answers.values()), how, seed, timed, left_out),
        left_out=tuple(left_out),
        seconds=timed.seconds,
    )


def _asked(model: Model, corpus: Corpus, *, n: int, seed: int) -> tuple[dict[str, Judged], list[str]]:
    asked, left_out = {}, []
    for name, held_out in SPLITS.items():
        pairs = judged(model, corpus, held_out=held_out, n=None if held_out else n, seed=seed)
        if pairs is not None:
            asked[name] = pairs
        else:
            split = name.replace("_", " ")
            left_out.append(f"Retrieval and captions of {split} data: no document there is one text and one picture.")
    return asked, left_out


def _on_held_out(
    model: Model, corpus: Corpus, how: Sampling, seed: int, timed: Timed, left_out: list[str]
) -> tuple[dict[str, Interval], Reconstruction | None]:
    losses: dict[str, Interval] = {}
    rebuilt = None
    if corpus.held_out.documents:
        with timed.task("held-out losses", 2 * len(corpus.held_out.documents)) as tick:
            losses = held_out_losses(model, corpus.held_out, seed=seed, tick=tick)
    else:
        left_out.append("Held-out losses: nothing is held out of this data.")
    if len(corpus.held_out.pixels):
        with timed.task("reconstructing held-out pictures", 2 * len(corpus.held_out.pixels)) as tick:
            rebuilt = reconstruction(model, corpus.held_out, how, seed=seed, tick=tick)
    else:
        left_out.append("Reconstruction: no held-out document has a picture.")
    return losses, rebuilt


def _gallery(model: Model, corpus: Corpus, how: Sampling, timed: Timed) -> Tensor:
    """The codec's reconstructions of all pictures, uint8 ``[m, 3, h, w]``, trained ones first."""
    segments = [*image_segments(corpus.train, model), *image_segments(corpus.held_out, model)]
    with timed.task("gallery of reconstructions", len(segments)) as tick:
        return decoded(model, latents(model, segments, how), segments[0].grid, tick)


def _answers(model: Model, name: str, pairs: Judged, how: Sampling, timed: Timed, *, describes: bool) -> Answers:
    split = name.replace("_", " ")
    with timed.task(f"drawing {split} names", len(pairs)) as tick:
        drawn = draw(model, pairs.texts, how, tick)
    if not describes:
        return Answers(pairs, drawn, None)
    with timed.task(f"describing {split} pictures", len(pairs)) as tick:
        captions = describe(model, pairs.images, how, tick)
    return Answers(pairs, drawn, captions)


def _features(gallery: Tensor, answers: dict[str, Answers], timed: Timed, left_out: list[str]) -> dict[str, Features]:
    if not answers:
        return {}
    try:
        network = EfficientNetFeatures()
    except MissingExtra as error:
        left_out.append(f"Retrieval by features, Frechet and kernel distance: {error}.")
        return {}

    def see(what: str, pictures: Tensor) -> Tensor:
        with timed.task(f"looking at {what}", len(pictures)) as tick:
            return network(pictures, lambda done, total: tick(done))

    whole = see("the gallery", gallery)
    return {
        name: Features(see("true pictures", some.judged.truth), see("drawn pictures", some.drawn.pictures), whole)
        for name, some in answers.items()
    }


def _sentence_encoder(left_out: list[str]) -> SentenceEncoder | None:
    try:
        return SentenceEncoder()
    except MissingExtra as error:
        left_out.append(f"Similarity of captions: {error}.")
        return None


def _distances(seen: dict[str, Features], answers: dict[str, Answers], left_out: list[str]) -> Distances | None:
    if not seen:
        return None
    try:
        return distances([seen[name] for name in answers], list(answers.values()))
    except (MissingExtra, DataError) as error:
        left_out.append(f"Frechet and kernel distance: {error}.")
        return None


def _drift(
    model: Model, answers: Sequence[Answers], how: Sampling, seed: int, timed: Timed, left_out: list[str]
) -> Drift | None:
    """Of some of the drawn pictures, evenly taken: the same ones run freely, one step ahead, and in truth."""
    if not answers:
        return None
    free = evenly([z for some in answers for z in some.drawn.latents], FORCED)
    if not all(z.is_floating_point() for z in free):
        left_out.append("Drift of latents: this model draws codes.")
        return None
    true = evenly([z for some in answers for z in latents(model, some.judged.images, how, seed=seed)], FORCED)
    asked = evenly([request for some in answers for request in drawing(some.judged.texts, how)], FORCED)
    try:
        alone = drift(torch.stack(free), torch.stack(true))  # it tells latents that cannot be compared
        with timed.task("drawing on true history", len(asked)) as tick:
            one_step = one_step_ahead(model, asked, torch.stack(true), tick)
        return replace(alone, one_step=curve("one step ahead", one_step))
    except (DataError, ShapeError) as error:
        left_out.append(f"Drift of latents: {error}.")
        return None
