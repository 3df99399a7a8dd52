"""The stage that trains a picture codec by itself, on pixels."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from motet.codecs.perceptual import Perceptual
from motet.codecs.sigma_vae import SigmaVAE, to_picture
from motet.data.contact_sheet import contact_sheet
from motet.data.corpus import Corpus
from motet.data.document import Document, Part
from motet.data.loader import Order, document_rng
from motet.errors import DataError
from motet.train.objective import Losses, Objective

JUDGED = 256
"""Held-out pictures that the numbers during training are taken on."""


class TrainCodec(Objective):
    """Reconstruction of training pictures through noised latents."""

    module: SigmaVAE

    def __init__(self, codec: SigmaVAE, corpus: Corpus, *, batch: int, seed: int, starts: bool = True):
        self.module = codec.requires_grad_(True)
        if not len(corpus.train.pixels):
            raise DataError(f"{corpus.name} has no pictures to train a picture codec on")
        self.corpus = corpus
        self.size = batch
        self.seed = seed
        self.perceptual = Perceptual().to(codec.bias.device) if codec.shape.perceptual_weight else None
        self.order = Order(np.ones(len(corpus.train.pixels)), seed=seed)
        if starts:
            codec.start_from(sample_pixels(corpus, 2048, seed))

    def batch(self, cursor: int) -> tuple[tuple[Tensor, Tensor], int]:
        pixels = self.corpus.train.pixels.batch([self.order[k] for k in range(cursor, cursor + self.size)])
        rows, columns = self.module.grid_of(pixels.shape[2], pixels.shape[3])
        like = torch.empty(len(pixels), rows * columns, self.module.shape.channels)
        return (pixels, self.module.noise_like(like, document_rng(self.seed, cursor))), cursor + self.size

    def losses(self, batch: tuple[Tensor, Tensor]) -> Losses:
        pixels, noise = (x.to(self.module.bias.device) for x in batch)
        terms = self.module.loss(pixels, noise, self.perceptual)
        parts = {name: value.detach() for name, value in terms.items()}
        return Losses(self.module.objective(terms), parts, noise.shape[0] * noise.shape[1])

    def compile(self) -> None:
        for half in (self.module.encoder, self.module.decoder):
            for block in half.trunk.blocks:
                block.compile()

    def evaluate(self) -> dict[str, float]:
        pixels = self.corpus.held_out.pixels
        some = pixels.batch(range(min(JUDGED, len(pixels)))).to(self.module.bias.device)
        made = self._reconstructed(some)
        return {"psnr": float(psnr(made, some).mean())}

    def preview(self, path: Path) -> None:
        pixels = self.corpus.held_out.pixels
        some = pixels.batch(range(min(24, len(pixels)))).to(self.module.bias.device)
        made = self._reconstructed(some)
        shown = [
            Document(f"{kind}{i}", (Part("image", to_picture(picture.cpu())), Part("text", kind)))
            for i in range(len(some))
            for kind, picture in (("original", some[i]), ("reconstructed", made[i]))
        ]
        contact_sheet(shown, path)

    def _reconstructed(self, pixels: Tensor) -> Tensor:
        with torch.no_grad():
            grid = self.module.grid_of(pixels.shape[2], pixels.shape[3])
            return self.module.reconstruct(self.module.posterior(pixels).mean, grid).clamp(-1, 1)


def psnr(made: Tensor, true: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture in dB; pixels in -1 to 1, so the peak is 2."""
    return 10 * torch.log10(4 / (made - true).square().flatten(1).mean(1).clamp_min(1e-10))


def sample_pixels(corpus: Corpus, most: int, seed: int) -> Tensor:
    """At most so many training pictures, chosen by the seed."""
    pixels = corpus.train.pixels
    chosen = np.random.default_rng(seed).permutation(len(pixels))[:most]
    return pixels.batch(np.sort(chosen))
