"""The stage that trains a pyramid's decoder: from the features of each scale back to pictures, by rectified flow.

As in PUMA (arXiv 2410.13861) the encoder stays as it is, and a share of the pictures is drawn from the features of a
black picture instead of its own, which trains the unconditional branch of the guidance.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motet.codecs.feature_decoder import FeatureDecoder
from motet.codecs.pixels import to_picture
from motet.codecs.pyramid import Pyramid
from motet.data.contact_sheet import contact_sheet
from motet.data.corpus import Corpus
from motet.data.document import Document, Part
from motet.data.evenly import evenly
from motet.data.loader import Order, document_rng
from motet.errors import CapabilityError, ConfigError, DataError
from motet.recipes.train_codec import psnr
from motet.train.objective import Losses, Objective

JUDGED, PREVIEWED = 48, 8
"""Held-out pictures that the numbers during training are taken on, and that are shown."""


@dataclass(frozen=True)
class NoisedPictures:
    """Pictures with all that is random in their loss; ``dropped``: drawn from a black picture's features."""

    pixels: Float[Tensor, "b 3 y x"]
    times: Float[Tensor, " b"]
    noise: Float[Tensor, "b 3 y x"]
    dropped: Bool[Tensor, " b"]

    def to(self, device: torch.device) -> "NoisedPictures":
        return NoisedPictures(*(x.to(device) for x in (self.pixels, self.times, self.noise, self.dropped)))


class TrainFeatureDecoder(Objective):
    """The decoder's loss on training pictures; every batch is shared out evenly among the scales.

    condition_dropout: share of pictures drawn from a black picture's features (PUMA: 0.1).
    Raises CapabilityError for a pyramid without a decoder, DataError without pictures, ConfigError for a batch of fewer
    pictures than scales.
    """

    module: FeatureDecoder

    def __init__(self, pyramid: Pyramid, corpus: Corpus, *, batch: int, condition_dropout: float, seed: int):
        if pyramid.decoder is None:
            raise CapabilityError("this pyramid has no decoder to train; give it one")
        if not len(corpus.train.pixels):
            raise DataError(f"{corpus.name} has no pictures to train a decoder on")
        if batch < len(pyramid.scales):
            raise ConfigError(
                f"a batch of {batch} pictures leaves some of the {len(pyramid.scales)} scales without any"
            )
        pyramid.requires_grad_(False)
        self.module = pyramid.decoder.requires_grad_(True)
        self.pyramid = pyramid
        self.corpus = corpus
        self.size = batch
        self.condition_dropout = condition_dropout
        self.seed = seed
        self.order = Order(np.ones(len(corpus.train.pixels)), seed=seed)
        self.grid = pyramid.grid_of(*corpus.train.size)
        self.nulls = [pyramid.null(self.grid, scale) for scale in range(len(pyramid.scales))]

    def batch(self, cursor: int) -> tuple[NoisedPictures, int]:
        pixels = self.corpus.train.pixels.batch([self.order[k] for k in range(cursor, cursor + self.size)])
        rng = document_rng(self.seed, cursor)
        times = self.module.draw_times(self.size, rng)
        noise = torch.randn(pixels.shape, generator=rng)
        dropped = torch.rand(self.size, generator=rng) < self.condition_dropout
        return NoisedPictures(pixels, times, noise, dropped), cursor + self.size

    def losses(self, batch: NoisedPictures) -> Losses:
        batch = batch.to(self.module.noised.device)
        pixels = batch.pixels
        features = self.pyramid.split(self.pyramid.encode_pixels(pixels), self.grid)
        parts: dict[str, Tensor] = {}
        total, tokens = pixels.new_zeros(()), 0
        for scale, (level, null) in enumerate(zip(features, self.nulls, strict=True)):
            some = slice(scale, None, len(features))
            seen = torch.where(batch.dropped[some, None, None], null, level[some])
            errors = self.module.loss(pixels[some], batch.times[some], batch.noise[some], seen, scale=scale)
            parts[f"flow_{level.shape[1]}"] = errors.mean().detach()
            total = total + errors.sum() / len(pixels)
            tokens += len(errors) * (level.shape[1] + self.grid[0] * self.grid[1])
        return Losses(total, parts, tokens)

    def compile(self) -> None:
        for block in (*self.module.trunk.blocks, *self.pyramid.features.trunk.blocks):
            block.compile()

    def evaluate(self) -> dict[str, float]:
        """PSNR in dB of held-out pictures drawn from their own features, by the number of tokens."""
        some = self._held_out(JUDGED)
        if not len(some):
            return {}
        return {
            f"psnr_{n}": float(psnr(self._drawn(some, scale), some).mean())
            for scale, n in enumerate(self.pyramid.scales.sizes(self.grid))
        }

    def preview(self, path: Path) -> None:
        """Each picture, then what is drawn from each of its scales, coarse to fine, by its number of tokens."""
        some = self._held_out(PREVIEWED)
        if not len(some):
            return
        kinds = {"original": some}
        for scale, n in enumerate(self.pyramid.scales.sizes(self.grid)):
            kinds[f"from {n}"] = self._drawn(some, scale)
        shown = [
            Document(f"{kind}{i}", (Part("image", to_picture(pictures[i].cpu())), Part("text", kind)))
            for i in range(len(some))
            for kind, pictures in kinds.items()
        ]
        contact_sheet(shown, path, columns=2 * len(kinds))

    def _held_out(self, most: int) -> Tensor:
        pixels = self.corpus.held_out.pixels
        return pixels.batch(evenly(range(len(pixels)), most)).to(self.module.noised.device)

    def _drawn(self, pixels: Tensor, scale: int) -> Tensor:
        noise = self.module.noise(len(pixels), self.grid, document_rng(self.seed + 1, scale))
        return self.pyramid.paint(self.pyramid.encode_pixels(pixels), self.grid, noise, scale=scale)
