"""The stage that trains an understanding encoder by image-text contrast (SigLIP: Zhai et al. 2023, arXiv 2303.15343).

A picture is the mean of its features, a caption the mean of what a small text tower makes of its ids; both are mapped
to one space and set to length 1. Each of the b x b pairs of a batch is judged by itself (their equation 1):

    loss = - 1/b sum_i sum_j log sigmoid(z_ij (t x_i . y_j + bias)),   z_ij = 1 for a true pair, -1 for another

with t = exp(t'), t' = log 10 and bias = -10 at the start, both learned. Where SigLIP pools by attention, the mean is
taken here: it is the one token at the top of a ``Pyramid``. The text tower serves this stage alone and stays behind in
its checkpoint; what the model keeps is the vision transformer.
"""

import logging
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, normalize

from motet.codecs.features import Features
from motet.codecs.text import TextCodec
from motet.data.corpus import Corpus, Split
from motet.data.evenly import evenly
from motet.data.loader import Order
from motet.errors import DataError
from motet.nn.backbone import Backbone, TransformerShape
from motet.sequence import NO_DOCUMENT, Tags, positions
from motet.train.objective import Losses, Objective, mix

JUDGED = 256
"""Held-out pairs that the numbers during training are taken on."""
CAPTION_LENGTH = 64
"""Ids of a caption that are read, at most: SigLIP's limit."""
TOWER_LAYERS = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pairs:
    """Pictures with their captions. ``true[i, j]``: caption j is true of picture i, since one of the two is a copy."""

    pixels: Float[Tensor, "b 3 y x"]
    ids: Int[Tensor, "b t"]
    lengths: Int[Tensor, " b"]
    true: Bool[Tensor, "b b"]

    def to(self, device: torch.device) -> "Pairs":
        return Pairs(*(x.to(device) for x in (self.pixels, self.ids, self.lengths, self.true)))


class TextTower(nn.Module):
    """Captions -> a vector each: a small transformer whose tokens all see each other, then their mean."""

    def __init__(self, vocab_size: int, dim: int, n_heads: int):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, dim)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.trunk = Backbone.plain(
            TransformerShape(dim=dim, n_layers=TOWER_LAYERS, n_heads=n_heads, ffn_dim=3 * dim, qk_norm=True)
        )

    def forward(self, ids: Int[Tensor, "b t"], lengths: Int[Tensor, " b"]) -> Float[Tensor, "b d"]:
        rows, tokens = ids.shape
        present = torch.arange(tokens, device=ids.device) < lengths[:, None]
        doc = torch.where(present, 0, NO_DOCUMENT)
        tags = Tags(doc, torch.zeros_like(doc), present)
        pos = positions(tokens, 0).to(ids.device).expand(rows, -1, -1)
        h, _ = self.trunk(self.embed(ids), tags, pos)
        return (h.float() * present[..., None]).sum(1) / lengths[:, None]


class Contrast(nn.Module):
    """The vision transformer, the text tower, and what compares them."""

    def __init__(self, features: Features, vocab_size: int):
        super().__init__()
        dim = features.shape.dim
        self.features = features
        self.tower = TextTower(vocab_size, dim, features.shape.n_heads)
        self.from_picture = nn.Linear(dim, dim, bias=False)
        self.from_caption = nn.Linear(dim, dim, bias=False)
        self.log_t = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def logits(self, pairs: Pairs) -> Float[Tensor, "b b"]:
        """How well each picture (row) and caption (column) fit: ``t x . y + bias``."""
        x = normalize(self.from_picture(self.features.hidden(pairs.pixels).mean(1)).float(), dim=1)
        y = normalize(self.from_caption(self.tower(pairs.ids, pairs.lengths)).float(), dim=1)
        with torch.autocast(x.device.type, enabled=False):  # bf16 would round away what tells near pairs apart
            return self.log_t.exp() * (x @ y.T) + self.bias


def siglip_loss(logits: Float[Tensor, "b b"], true: Bool[Tensor, "b b"]) -> Float[Tensor, ""]:
    """The sigmoid loss of all pairs, a sum over captions and a mean over pictures."""
    return -logsigmoid(torch.where(true, logits, -logits)).sum() / len(logits)


def true_pairs(pictures: Sequence[Hashable], captions: Sequence[Hashable]) -> Bool[Tensor, "b b"]:
    """Which caption is true of which picture: its own, an equal one's, and any caption of an equal picture."""
    found = torch.zeros(len(pictures), len(captions), dtype=torch.bool)
    for things in (pictures, captions):
        numbers: dict[Hashable, int] = {}
        number = torch.tensor([numbers.setdefault(thing, len(numbers)) for thing in things], dtype=torch.long)
        found |= number[:, None] == number
    return found


class TrainContrast(Objective):
    """Contrast on the documents that are one picture with one text; others are passed over.

    Raises DataError if there are fewer than two such documents.
    """

    module: Contrast

    def __init__(self, features: Features, text: TextCodec, corpus: Corpus, *, batch: int, seed: int):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mix(seed, 0))
            self.module = Contrast(features.requires_grad_(True), text.vocab_size).to(features.bias.device)
        self.train, self.held_out = _Captioned(corpus.train, text), _Captioned(corpus.held_out, text)
        if len(self.train) < 2:
            raise DataError(
                f"{corpus.name} has {len(self.train)} documents of one picture with one text, and contrast compares at "
                "least two; use captioned pictures, or a recipe without an understanding encoder"
            )
        self.size = batch
        self.order = Order(np.ones(len(self.train)), seed=seed)

    def batch(self, cursor: int) -> tuple[Pairs, int]:
        following = cursor + self.size
        return self.train.pairs([self.order[k] for k in range(cursor, following)]), following

    def losses(self, batch: Pairs) -> Losses:
        pairs = batch.to(self.module.bias.device)
        loss = siglip_loss(self.module.logits(pairs), pairs.true)
        t = self.module.log_t.detach().exp()
        rows, columns = self.module.features.grid_of(pairs.pixels.shape[2], pairs.pixels.shape[3])
        return Losses(loss, {"contrast": loss.detach(), "t": t}, len(pairs.pixels) * rows * columns)

    def compile(self) -> None:
        for trunk in (self.module.features.trunk, self.module.tower.trunk):
            for block in trunk.blocks:
                block.compile()

    def flops_per_token(self) -> float:
        """6 for each parameter of the vision transformer (Kaplan et al. 2020); the small text tower is left out."""
        return 6.0 * sum(p.numel() for p in self.module.features.parameters())

    def evaluate(self) -> dict[str, float]:
        """The loss on held-out pairs, and how often the likeliest caption, or picture, of all of them is a true one."""
        if not len(self.held_out):
            return {}
        pairs = self.held_out.pairs(evenly(range(len(self.held_out)), JUDGED)).to(self.module.bias.device)
        logits, rows = self.module.logits(pairs), torch.arange(len(pairs.ids), device=pairs.ids.device)
        return {
            "contrast": float(siglip_loss(logits, pairs.true)),
            "picture_to_caption": float(pairs.true[rows, logits.argmax(1)].float().mean()),
            "caption_to_picture": float(pairs.true[logits.argmax(0), rows].float().mean()),
        }


class _Captioned:
    """The pairs of a split: which picture belongs to which caption, and the caption's ids."""

    def __init__(self, split: Split, text: TextCodec):
        self.pixels = split.pixels
        self.pictures: list[int] = []
        self.captions: list[str] = []
        for document, first in zip(split.documents, split.pixels.first, strict=True):
            if sorted(part.modality for part in document.parts) == ["image", "text"]:
                self.pictures.append(first)
                self.captions.append(document.text)
        ids = [text.encode(caption)[0] for caption in self.captions]
        if longer := sum(len(one) > CAPTION_LENGTH for one in ids):
            _log.warning("%d captions are longer than %d ids; contrast reads their beginnings", longer, CAPTION_LENGTH)
        self.ids = [one[:CAPTION_LENGTH] for one in ids]
        self.length = max((len(one) for one in self.ids), default=0)

    def __len__(self) -> int:
        return len(self.pictures)

    def pairs(self, chosen: Sequence[int]) -> Pairs:
        """These pairs; captions are padded to the longest of the split, so that all batches have one shape."""
        pixels = self.pixels.batch([self.pictures[i] for i in chosen])
        ids = torch.zeros(len(chosen), self.length, dtype=torch.long)
        for row, i in enumerate(chosen):
            ids[row, : len(self.ids[i])] = self.ids[i]
        lengths = torch.tensor([max(1, len(self.ids[i])) for i in chosen])
        copies = [self.pixels.array[self.pictures[i]].tobytes() for i in chosen]
        return Pairs(pixels, ids, lengths, true_pairs(copies, [self.captions[i] for i in chosen]))
