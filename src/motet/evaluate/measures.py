"""The measures of an evaluation, each a small record that knows its JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from motet.data.corpus import Split
from motet.data.loader import document_rng
from motet.evaluate.answers import Answers
from motet.evaluate.captions import SentenceEncoder, exact_match, matches, similarity
from motet.evaluate.frechet import KernelDistance, frechet_distance, kernel_distance
from motet.evaluate.interval import Interval, mean_interval
from motet.evaluate.judged import IMAGE, decoded, image_segments, true_pictures
from motet.evaluate.reconstruction import psnr
from motet.evaluate.retrieval import Retrieval, retrieval
from motet.evaluate.timed import Tick
from motet.model import Model
from motet.recipes.held_out import ORDERS, DocumentLosses, document_losses
from motet.request import Sampling
from motet.sequence import Segment


@dataclass(frozen=True)
class Features:
    """Features of judged pictures: the true ones, the drawn ones, and all of the gallery."""

    true: Float[Tensor, "n d"]
    drawn: Float[Tensor, "n d"]
    gallery: Float[Tensor, "m d"]


@dataclass(frozen=True)
class Told:
    """How well one split's pictures were described. right: which captions agree to the letter."""

    captions: list[str]
    right: list[bool]
    exact: Interval
    similar: Interval | None

    def to_json(self) -> dict[str, Any]:
        return {
            "exact": self.exact._asdict(),
            "similarity": None if self.similar is None else self.similar._asdict(),
        }


@dataclass(frozen=True)
class Group:
    """How well one split's pairs were answered. ``None``: not measured."""

    answers: Answers
    pixels: Retrieval
    features: Retrieval | None
    told: Told | None

    def to_json(self) -> dict[str, Any]:
        return {
            "n": len(self.answers.judged),
            "retrieval": {
                "pixels": self.pixels.to_json(),
                "features": None if self.features is None else self.features.to_json(),
            },
            "captions": None if self.told is None else self.told.to_json(),
        }


def group(
    answers: Answers, gallery: UInt8[Tensor, "m 3 h w"], features: Features | None, encoder: SentenceEncoder | None
) -> Group:
    """Judges one split's answers."""
    place = answers.judged.place
    return Group(
        answers=answers,
        pixels=retrieval(answers.drawn.pictures, place, gallery),
        features=None if features is None else retrieval(features.drawn, place, features.gallery, by="features"),
        told=None if answers.captions is None else told(answers.captions, answers.judged.captions, encoder),
    )


def told(captions: list[str], true: Sequence[str], encoder: SentenceEncoder | None) -> Told:
    """Judges captions by the true ones."""
    return Told(
        captions=captions,
        right=matches(captions, true),
        exact=exact_match(captions, true),
        similar=None if encoder is None else similarity(captions, true, encoder=encoder),
    )


@dataclass(frozen=True)
class Reconstruction:
    """The codec on held-out pictures: from the latents' means, and with noise drawn; PSNR in dB, a number a picture."""

    true: UInt8[Tensor, "n 3 h w"]
    made: UInt8[Tensor, "n 3 h w"]
    means: Float[Tensor, " n"]
    noised: Float[Tensor, " n"]

    def to_json(self) -> dict[str, Any]:
        return {
            "n": len(self.means),
            "psnr": mean_interval(self.means)._asdict(),
            "psnr_noised": mean_interval(self.noised)._asdict(),
        }


def reconstruction(model: Model, split: Split, how: Sampling, *, seed: int, tick: Tick) -> Reconstruction:
    """Every picture of a split through the codec."""
    segments, true = image_segments(split, model), true_pictures(split)
    grid, n = segments[0].grid, len(segments)
    made = decoded(model, latents(model, segments, how), grid, tick)
    noised = decoded(model, latents(model, segments, how, seed=seed), grid, lambda done: tick(n + done))
    return Reconstruction(true, made, psnr(made, true), psnr(noised, true))


def latents(model: Model, segments: Sequence[Segment], how: Sampling, *, seed: int | None = None) -> list[Tensor]:
    """What the model would draw of encoded pictures: the likeliest latents; or with the codec's noise, as training."""
    codec, factorise = model.modality(IMAGE).codec, model.modality(IMAGE).factorise
    if seed is None:
        values = [codec.means(segment.values) for segment in segments]
    else:
        values = [codec.draw(segment.values, document_rng(seed, i)) for i, segment in enumerate(segments)]
    return [factorise.drawable(one, segment.grid, how.scales) for one, segment in zip(values, segments, strict=True)]


def held_out_losses(model: Model, split: Split, *, seed: int, tick: Tick) -> dict[str, Interval]:
    """Mean loss of each modality in each order over all predictions, ``image/text_first``; documents are resampled."""
    documents = split.encoded(model)
    found: dict[str, Interval] = {}
    for number, (order_name, order) in enumerate(ORDERS.items()):
        losses = document_losses(model, documents, order=order, row_length=128, seed=seed)
        found |= {f"{name}/{order_name}": ratio_interval(sums) for name, sums in losses.items()}
        tick((number + 1) * len(documents))
    return found


def ratio_interval(losses: DocumentLosses) -> Interval:
    """The mean over predictions, and its interval over documents: the ratio of two sums, linearised."""
    total, weight = losses.total.double(), losses.weight.double()
    mean = total.sum() / weight.sum()
    return mean_interval(mean + (total - mean * weight) / weight.mean())


@dataclass(frozen=True)
class Distances:
    """Drawn pictures to the true ones of the same names, and for comparison their reconstructions to them."""

    n: int
    frechet: float
    kernel: KernelDistance
    frechet_reconstructions: float

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "frechet": self.frechet,
            "kernel": self.kernel._asdict(),
            "frechet_reconstructions": self.frechet_reconstructions,
        }


def distances(features: Sequence[Features], answers: Sequence[Answers]) -> Distances:
    """Distances over all judged pictures together."""
    true, drawn = torch.cat([f.true for f in features]), torch.cat([f.drawn for f in features])
    codec = torch.cat([f.gallery[a.judged.place] for f, a in zip(features, answers, strict=True)])
    return Distances(
        len(true), frechet_distance(drawn, true), kernel_distance(drawn, true), frechet_distance(codec, true)
    )
