"""The stage that trains a picture codec by itself, on pixels."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from motet.codecs.perceptual import Perceptual
from motet.codecs.picture_codec import PictureCodec
from motet.codecs.pixels import to_picture
from motet.data.contact_sheet import contact_sheet
from motet.data.corpus import Corpus
from motet.data.document import Document, Part
from motet.data.evenly import evenly
from motet.data.loader import Order, document_rng
from motet.errors import DataError
from motet.train.objective import Losses, Objective

JUDGED, PREVIEWED = 256, 24
"""Held-out pictures that the numbers during training are taken on, and that are shown."""
MOST_PIXELS = 1 << 26
"""Of a sample of training pictures: less than a gigabyte, however large they are."""


class TrainCodec(Objective):
    """Reconstruction of training pictures through a codec's values, as the codec's own loss has it."""

    module: PictureCodec

    def __init__(self, codec: PictureCodec, corpus: Corpus, *, batch: int, seed: int, starts: bool = True):
        self.module = codec.requires_grad_(True)
        if not len(corpus.train.pixels):
            raise DataError(f"{corpus.name} has no pictures to train a picture codec on")
        self.corpus = corpus
        self.size = batch
        self.seed = seed
        self.perceptual = Perceptual().to(codec.device) if codec.perceptual_weight else None
        self.order = Order(np.ones(len(corpus.train.pixels)), seed=seed)
        if starts:
            codec.start_from(sample_pixels(corpus, 2048, seed).to(codec.device), document_rng(seed + 1, 0))

    def batch(self, cursor: int) -> tuple[tuple[Tensor, Tensor], int]:
        pixels = self.corpus.train.pixels.batch([self.order[k] for k in range(cursor, cursor + self.size)])
        return (pixels, self.module.noise_for(pixels, document_rng(self.seed, cursor))), cursor + self.size

    def losses(self, batch: tuple[Tensor, Tensor]) -> Losses:
        pixels, noise = (x.to(self.module.device) for x in batch)
        terms = self.module.loss(pixels, noise, self.perceptual)
        parts = {name: value.detach() for name, value in terms.items()}
        rows, columns = self.module.grid_of(pixels.shape[2], pixels.shape[3])
        return Losses(self.module.objective(terms), parts, len(pixels) * rows * columns)

    def compile(self) -> None:
        self.module.compile_parts()

    def evaluate(self) -> dict[str, float]:
        """PSNR of held-out pictures in dB, beside the codec's own numbers; nothing if no picture is held out.

        Where few are held out, training pictures tell how many codes are in use: a few cannot use all of them.
        """
        some = self._held_out(JUDGED)
        if not len(some):
            return {}
        many = some if len(some) == JUDGED else sample_pixels(self.corpus, JUDGED, self.seed).to(some.device)
        likeness = float(psnr(self._reconstructed(some), some).mean())
        return {"psnr": likeness, **self.module.numbers(some), **self.module.usage(many)}

    def preview(self, path: Path) -> None:
        some = self._held_out(PREVIEWED)
        if not len(some):
            return
        made = self._reconstructed(some)
        shown = [
            Document(f"{kind}{i}", (Part("image", to_picture(picture.cpu())), Part("text", kind)))
            for i in range(len(some))
            for kind, picture in (("original", some[i]), ("reconstructed", made[i]))
        ]
        contact_sheet(shown, path)

    def _held_out(self, most: int) -> Tensor:
        pixels = self.corpus.held_out.pixels
        return pixels.batch(evenly(range(len(pixels)), most)).to(self.module.device)

    def _reconstructed(self, pixels: Tensor) -> Tensor:
        with torch.no_grad():
            return self.module.autoencode(pixels).clamp(-1, 1)


def psnr(made: Tensor, true: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture in dB; pixels in -1 to 1, so the peak is 2."""
    return 10 * torch.log10(4 / (made - true).square().flatten(1).mean(1).clamp_min(1e-10))


def sample_pixels(corpus: Corpus, most: int, seed: int) -> Tensor:
    """At most so many training pictures, chosen by the seed; of large ones fewer, but no fewer patches."""
    pixels = corpus.train.pixels
    height, width = corpus.train.size
    most = max(1, min(most, MOST_PIXELS // (height * width)))
    chosen = np.random.default_rng(seed).permutation(len(pixels))[:most]
    return pixels.batch(np.sort(chosen))
