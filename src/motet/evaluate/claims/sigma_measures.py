"""One trained LatentLM judged for the claim on sigma: quality and drift, free-running and one step ahead.

Free-running samples see their own history, one-step samples the true one; both are guided alike and start from the same
noise, so what differs between them is exposure to the model's own errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from motet.codecs.pixels import to_bytes
from motet.codecs.sigma_vae import SigmaVAE
from motet.data.corpus import Corpus, Split
from motet.data.loader import document_rng
from motet.data.orders import text_first
from motet.evaluate.claims.claim import Measured
from motet.evaluate.drift import Drift, drift
from motet.evaluate.features import EfficientNetFeatures
from motet.evaluate.frechet import frechet_distance
from motet.evaluate.one_step import AT_ONCE, one_step_ahead
from motet.evaluate.reconstruction import psnr
from motet.evaluate.retrieval import retrieval
from motet.generate import generate
from motet.model import Model
from motet.request import Request, Sampling
from motet.sequence import Segment

IMAGE = "image"
SHOWN = 16

MEASURES: Mapping[str, str] = {
    "frechet": "Frechet distance of free-running pictures to the true ones, on EfficientNet-Lite0 features",
    "frechet_one_step": "the same of pictures whose latents are drawn one step ahead from true history",
    "exposure": "frechet minus frechet_one_step: what feeding on its own samples costs",
    "frechet_codec": "the same of the true pictures through the noisy codec: the floor that the codec sets",
    "top1_trained": "share of trained names whose true picture is the nearest of all to the free-running one",
    "top1_held_out": "the same for held-out compositions",
    "drift_pixels": "mean |log ratio| of length and spread by position, free-running to one-step, of decoded patches",
    "drift_latents": "the same of the latents, unguided",
    "drift_true": "mean |log ratio| of length and spread by position, free-running to true, of the latents, unguided",
    "psnr": "of the codec on held-out pictures without noise, in dB",
    "noise_share": "share of noise in the variance of the latents that the model sees",
}


@dataclass(frozen=True)
class Judging:
    """How a run is judged. each: trained names, and held-out ones. guidance: the paper's, for pictures."""

    each: int = 100
    guidance: float = 1.65
    solver_steps: int = 10


@dataclass(frozen=True)
class Judged:
    """samples: two rows, true pictures over free-running ones."""

    measured: Measured
    samples: Image.Image = field(repr=False)


@dataclass(frozen=True)
class _Names:
    """The judged documents: trained ones, then held-out ones. where: their places among all documents, trained ones
    first; prompts: their names; latents: noised, as trained on."""

    where: list[int]
    prompts: list[Segment]
    pixels: UInt8[Tensor, "n 3 y x"]
    means: Float[Tensor, "n t c"]
    latents: Float[Tensor, "n t c"]
    trained: int


@torch.no_grad()
def judge(model: Model, corpus: Corpus, how: Judging, *, seed: int) -> Judged:
    """All measures of one run. The judged names are the same for every run; their noise goes by the run's seed."""
    names = _names(model, corpus, how.each, seed)
    codec = _codec(model)
    guided = Sampling(guidance=how.guidance, steps=how.solver_steps)
    free, one_step = _sampled(model, names, guided, seed)
    pictures = {
        "frechet": _decoded(model, free),
        "frechet_one_step": _decoded(model, one_step),
        "frechet_codec": _decoded(model, names.latents),
    }
    numbers = _distances(pictures, names.pixels)
    numbers["exposure"] = numbers["frechet"] - numbers["frechet_one_step"]
    numbers |= _retrieved(model, corpus, pictures["frechet"], names)
    plain = _sampled(model, names, replace(guided, guidance=1.0), seed)
    built_up, whole = drift(plain[0], plain[1]), drift(plain[0], names.latents, one_step=plain[1])
    in_pixels = drift(_patches(codec, pictures["frechet"]), _patches(codec, pictures["frechet_one_step"]))
    numbers["drift_pixels"] = _both(in_pixels)
    numbers["drift_latents"] = _both(built_up)
    numbers["drift_true"] = _both(whole)
    clean = _decoded(model, names.means[names.trained :])
    numbers["psnr"] = float(psnr(clean, names.pixels[names.trained :]).mean())
    numbers["noise_share"] = float((codec.shape.sigma * codec.scale).square().mean())
    shown = torch.linspace(0, len(names.pixels) - 1, min(SHOWN, len(names.pixels))).long()
    rows = torch.stack([names.pixels[shown], pictures["frechet"][shown]])
    return Judged(Measured({key: numbers[key] for key in MEASURES}, _curves(whole, in_pixels)), _grid(rows))


def _names(model: Model, corpus: Corpus, each: int, seed: int) -> _Names:
    n_train, n_held_out = len(corpus.train.documents), len(corpus.held_out.documents)
    trained = np.random.default_rng(0).permutation(n_train)[:each].tolist()
    where = [*trained, *range(n_train, n_train + min(each, n_held_out))]
    everything = [*corpus.train.encoded(model), *corpus.held_out.encoded(model)]
    pairs = [text_first(everything[i]) for i in where]
    pixels = [_picture(corpus.train, i) if i < n_train else _picture(corpus.held_out, i - n_train) for i in where]
    codec = _codec(model)
    drawn = [codec.draw(picture.values, document_rng(seed, i)) for i, (_, picture) in zip(where, pairs, strict=True)]
    return _Names(
        where,
        [replace(text, learn=False) for text, _ in pairs],
        torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(),
        torch.stack([codec.means(picture.values) for _, picture in pairs]),
        torch.stack(drawn),
        len(trained),
    )


def _picture(split: Split, document: int) -> np.ndarray:
    return split.pixels.array[split.pixels.first[document]]


def _sampled(model: Model, names: _Names, sampling: Sampling, seed: int) -> tuple[Tensor, Tensor]:
    """Free-running and one-step latents ``[n, t, c]``, from the same noise."""
    n = len(names.prompts)
    requests = [
        Request((prompt,), IMAGE, seed=seed * n + i, sampling=sampling) for i, prompt in enumerate(names.prompts)
    ]
    free = generate(model, requests, batch=AT_ONCE)
    return torch.stack([made[0].values for made in free]), one_step_ahead(model, requests, names.latents)


def _distances(pictures: Mapping[str, Tensor], true: Tensor) -> dict[str, float]:
    eyes = EfficientNetFeatures()
    eyes.network.to(memory_format=torch.channels_last)  # a third less time, for differences of 1e-6
    seen = eyes(true)
    return {name: frechet_distance(seen, eyes(made)) for name, made in pictures.items()}


def _retrieved(model: Model, corpus: Corpus, made: Tensor, names: _Names) -> dict[str, float]:
    """Top-1 among the codec's reconstructions of all pictures."""
    everything = [*corpus.train.encoded(model), *corpus.held_out.encoded(model)]
    gallery = _decoded(model, torch.stack([_codec(model).means(text_first(pair)[1].values) for pair in everything]))
    found = (retrieval(made, torch.tensor(names.where), gallery).ranks == 0).double()
    trained, held_out = found[: names.trained], found[names.trained :]
    return {"top1_trained": float(trained.mean()), "top1_held_out": float(held_out.mean())}


def _both(one: Drift) -> float:
    return (one.norm + one.std) / 2


def _curves(latents: Drift, pixels: Drift) -> dict[str, list[float]]:
    assert latents.one_step is not None
    named = {
        "latents_true": latents.true,
        "latents_one_step": latents.one_step,
        "latents_free": latents.free,
        "pixels_one_step": pixels.true,
        "pixels_free": pixels.free,
    }
    return {f"{name}_{what}": values for name, curve in named.items() for what, values in curve.to_json().items()}


def _codec(model: Model) -> SigmaVAE:
    codec = model.modality(IMAGE).codec
    assert isinstance(codec, SigmaVAE)
    return codec


def _decoded(model: Model, latents: Float[Tensor, "n t c"]) -> UInt8[Tensor, "n 3 y x"]:
    rows, columns = model.modality(IMAGE).grid
    parts = [_codec(model).decode_pixels(some.to(model.device), (rows, columns)).cpu() for some in latents.split(256)]
    return to_bytes(torch.cat(parts))


def _patches(codec: SigmaVAE, pictures: UInt8[Tensor, "n 3 y x"]) -> Float[Tensor, "n t i"]:
    """Patches as the codec cuts them, at 0 for white, where most pictures end, so that a length means ink."""
    return codec.to_patches(1 - pictures.float() / 255)


def _grid(pictures: UInt8[Tensor, "rows n 3 y x"]) -> Image.Image:
    rows, n, _, height, width = pictures.shape
    array = pictures.permute(0, 3, 1, 4, 2).reshape(rows * height, n * width, 3)
    return Image.fromarray(array.contiguous().numpy())
