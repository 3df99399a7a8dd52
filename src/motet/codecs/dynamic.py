"""A dynamic number of codes for a picture: as many as its content asks for (LaVIT, arXiv 2309.04669, section 3.1).

A selector keeps some patches, a merger folds the others into them (merger.py), and each kept token becomes the nearest
of K codes; from the codes, in order, a painter draws the picture.

    x = encoder(patches);  keep = select(selector(x));  h = merger(x, keep);  z = unit(W2 tanh(W1 h))
    made = painter(queries of all places; nearest(z) of the kept, and where each stands)
    loss = L1 + multi-scale L1 + rate_weight * (rate - mean keep)^2 + commitment * mean((z - code)^2)

Training has three parts. In the first all patches are kept: with a selector from the start, only the mean picture is
learned. In the second (``choose``) selector and merger learn without codes, as the authors advise, with noise in the
selection. In the third (``quantise``) codes start at k-means, and the selection is fixed and without noise, as it is at
inference, with the threshold at which training pictures keep the wanted share. The paper's encoder is a frozen CLIP
whose features the codes give back; this one learns from pixels, with the rest.

Where a code stood is not said, in the paper: its rank is, and codes have to say the rest. ``positions`` says it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.rnn import pad_sequence

from motet.bounds import check_bounds
from motet.codecs.codebook import Codebook
from motet.codecs.features import axial_trunk, centres, together
from motet.codecs.halves import Halves
from motet.codecs.merger import Merger, Selector
from motet.codecs.moments import Moments
from motet.codecs.painter import Painter, ranks
from motet.codecs.patches import PLACE_BANDS, cut, patch_grid, place_features
from motet.codecs.picture_codec import AT_ONCE, PictureCodec, Terms, distances, in_parts, parts_of
from motet.codecs.pixels import to_picture
from motet.codecs.selection import SELECTIONS, Number, Selection
from motet.codecs.sentence import Sentence
from motet.errors import ConfigError, ShapeError
from motet.types import Raw


@dataclass(frozen=True)
class DynamicShape:
    """Size of a dynamic tokenizer."""

    patch: int = field(default=6, metadata={"help": "pixels along a side of a patch"})
    rate: float = field(default=1 / 3, metadata={"help": "share of patches that are kept, on average"})
    rate_weight: float = field(default=2.0, metadata={"help": "weight of the square of a batch's distance from it"})
    number: Number = field(
        default="content",
        metadata={"help": "content: as many as the selector asks for (paper); fixed: the same number of every picture"},
    )
    positions: bool = field(
        default=False, metadata={"help": "say each code's place too; false: its rank alone (paper)"}
    )
    codebook_size: int = field(default=2048, metadata={"help": "number of codes"})
    code_dim: int = field(default=16, metadata={"help": "numbers in a code"})
    commitment: float = field(default=0.25, metadata={"help": "weight of the distance of vectors from their codes"})
    decay: float = field(default=0.99, metadata={"help": "of the codes' moving averages"})
    dim: int = field(default=192, metadata={"help": "width of all of it"})
    n_heads: int = field(default=4, metadata={"help": "heads of all of it"})
    encoder_layers: int = field(default=3, metadata={"help": "blocks before the selector"})
    merger_layers: int = field(default=2, metadata={"help": "blocks of the merger (paper: 12)"})
    painter_layers: int = field(default=3, metadata={"help": "blocks of the painter (paper: 12, and a U-Net)"})
    perceptual_weight: float = field(
        default=0.0, metadata={"help": "weight of a perceptual distance (EfficientNet-Lite0 features); 0: not computed"}
    )

    def __post_init__(self) -> None:
        layers = ("encoder_layers", "merger_layers", "painter_layers")
        check_bounds(self, "patch", "codebook_size", "dim", "n_heads", *layers, low=1)
        check_bounds(self, "rate_weight", "commitment", "perceptual_weight", low=0)
        if not 0 < self.rate < 1:
            raise ConfigError(f"rate is {self.rate}; a share of the patches is kept, between 0 and 1")
        if self.code_dim < 2 or not 0 <= self.decay < 1:
            raise ConfigError(f"code_dim {self.code_dim} must be at least 2, and decay {self.decay} in [0, 1)")

    def sentence(self, tokens: int) -> Sentence:
        """The ids of pictures that have a grid of ``tokens`` places."""
        return Sentence(self.codebook_size, tokens if self.positions else 0)

    def selection(self) -> Selection:
        """What decides which patches are kept."""
        return SELECTIONS[self.number](self.rate)

    def halves(self) -> Halves:
        return Halves(self.dim)


ALL, CHOOSING, CODES = range(3)
"""The parts of training."""


class Merged(NamedTuple):
    """keep ``[b, t]``, with a gradient; tokens ``[b, t, d]`` and their unit vectors ``[b, t, e]``, of kept places."""

    keep: Tensor
    tokens: Tensor
    vectors: Tensor


class Dynamic(PictureCodec):
    """Pictures <-> a sentence of codes, with the merged tokens that are read beside it. side: of training pictures."""

    bias: Tensor
    scale: Tensor
    threshold: Tensor
    part: Tensor

    def __init__(self, shape: DynamicShape, *, side: int):
        super().__init__()
        self.shape = shape
        self.perceptual_weight = shape.perceptual_weight
        rows, columns = self._trained_grid = patch_grid(side, side, shape.patch)
        self.sentence = shape.sentence(rows * columns)
        dim, pixels = shape.dim, 3 * shape.patch**2
        self.project_in = nn.Linear(pixels, dim)
        self.place = nn.Linear(4 * PLACE_BANDS, dim, bias=False)
        self.trunk = axial_trunk(dim, shape.encoder_layers, shape.n_heads)
        self.selector = Selector(dim)
        self.selection = shape.selection()
        self.merger = Merger(dim, shape.merger_layers, shape.n_heads)
        self.to_code = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, shape.code_dim))
        self.codebook = Codebook(shape.codebook_size, shape.code_dim, decay=shape.decay)
        self.paint = Painter(
            shape.code_dim,
            shape.patch,
            dim=dim,
            n_layers=shape.painter_layers,
            n_heads=shape.n_heads,
            places=shape.positions,
        )
        self.register_buffer("bias", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.register_buffer("threshold", torch.zeros(1))
        self.register_buffer("part", torch.zeros(1, dtype=torch.long))

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        return patch_grid(height, width, self.shape.patch)

    def drawn_grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Raises ShapeError for other grids than the trained one where places are said: ids name them in it alone."""
        rows, columns = self.grid_of(height, width)
        if self.shape.positions and (rows, columns) != self._trained_grid:
            y, x = (n * self.shape.patch for n in self._trained_grid)
            raise ShapeError(
                f"pictures of {height}x{width} pixels are wanted, but sentences that say places (codec.positions) know "
                f"those of {y}x{x} pixels alone; leave the size out"
            )
        return rows, columns

    # there

    def logits(self, pixels: Float[Tensor, "b 3 y x"]) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b t"]]:
        """Encoded patches, and how much each asks to be kept."""
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        x = self.project_in(cut(pixels, self.shape.patch)) + self.place(place_features(grid).to(pixels.device))
        x, _ = self.trunk.run(x, together(self.trunk, centres(grid), x))
        return x, self.selector(x)

    def selecting(self) -> Iterable[nn.Module]:
        """The parts that decide which patches are kept."""
        return self.project_in, self.place, self.trunk, self.selector

    def merged(
        self,
        pixels: Float[Tensor, "b 3 y x"],
        noise: Float[Tensor, "b t"] | None = None,
        *,
        threshold: Tensor | None = None,
    ) -> Merged:
        """What is kept and merged; without noise as at inference. threshold: of the logits; None: the codec's own."""
        x, logits = self.logits(pixels)
        if self.part == ALL:
            keep = torch.ones_like(logits)
        else:
            keep = self.selection.keep(logits - (self.threshold if threshold is None else threshold), noise)
        tokens = self.merger(x, keep.to(x))
        return Merged(keep, tokens.float(), normalize(self.to_code(tokens).float(), dim=-1))

    def _stands(self, keep: Float[Tensor, "b t"]) -> Int[Tensor, "b t"]:
        if self.shape.positions:
            return torch.arange(keep.shape[1], device=keep.device).expand_as(keep)
        return ranks(keep.detach() > 0.5)

    # training

    def noise_for(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> Float[Tensor, "b t 2"]:
        """Two numbers from 0 to 1 for each patch: for its selection, and for the revival of dead codes."""
        rows, columns = self.grid_of(pixels.shape[2], pixels.shape[3])
        return torch.rand(len(pixels), rows * columns, 2, generator=rng)

    def loss(
        self, pixels: Float[Tensor, "b 3 y x"], noise: Float[Tensor, "b t 2"], perceptual: nn.Module | None = None
    ) -> Terms:
        """Named terms; ``rate`` is that of the noised selection, and there while it learns."""
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        if self.part == CODES:
            return self._loss_of_codes(pixels, noise, perceptual)
        uniform = noise[..., 0].clamp(1e-6, 1 - 1e-6)
        keep, _, z = self.merged(pixels, torch.logit(uniform))
        terms = distances(self.paint(z, self._stands(keep), keep, grid), pixels, perceptual)
        return terms if self.part == ALL else terms | {"rate": self.selection.missed(keep)}

    def _loss_of_codes(self, pixels: Tensor, noise: Tensor, perceptual: nn.Module | None) -> Terms:
        keep, _, z = self.merged(pixels)
        kept = keep.detach() > 0.5
        codes = self.codebook.nearest(z.flatten(0, 1)).view(kept.shape)
        quantised = self.codebook.codes[codes]
        straight = z + (quantised - z).detach()
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        made = self.paint(straight, self._stands(keep), keep.detach(), grid)
        terms = distances(made, pixels, perceptual)
        terms["commitment"] = (z - quantised)[kept].square().mean()
        if self.training:
            self.codebook.follow(z.detach()[kept], codes[kept], noise[..., 1][kept])
        return terms

    def objective(self, terms: Terms) -> Float[Tensor, ""]:
        weights = {
            "l1": 1.0,
            "multiscale": 0.5,
            "rate": self.shape.rate_weight,
            "commitment": self.shape.commitment,
            "perceptual": self.shape.perceptual_weight,
        }
        total = terms["l1"].new_zeros(())
        for name, weight in weights.items():
            if name in terms:
                total = total + weight * terms[name]
        return total

    @torch.no_grad()
    def start_from(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        """The painter begins near the mean patch, and all patches are kept."""
        self.part.fill_(ALL)
        self.paint.start_from(cut(pixels, self.shape.patch).flatten(0, 1), rng)

    def choose(self) -> None:
        """From here on the selector decides which patches are kept."""
        self.part.fill_(CHOOSING)

    @torch.no_grad()
    def quantise(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        """Puts codes in place: the threshold at which ``pixels`` keep the wanted share, then k-means of the kept."""
        self.part.fill_(CODES)
        logits = torch.cat([self.logits(part)[1] for part in in_parts(pixels)])
        self.threshold.copy_(self._wanted(logits))
        kept = []
        for part in in_parts(pixels):
            keep, _, z = self.merged(part)
            kept.append(z[keep > 0.5])
        self.codebook.start_from(torch.cat(kept), rng)

    @torch.no_grad()
    def measure(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        """Sets bias and scale so that the merged tokens of ``pixels`` have zero mean and unit spread."""
        moments = Moments()
        for part in in_parts(pixels):
            keep, tokens, _ = self.merged(part)
            moments.add(tokens[keep > 0.5])
        self.bias.copy_(-moments.mean)
        self.scale.copy_(1 / moments.std.clamp_min(1e-6))

    @torch.no_grad()
    def autoencode(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b 3 y x"]:
        """Through the codes, or before they are in place through the vectors, without noise."""
        keep, _, z = self._inferred(pixels)
        if self.part == CODES:
            z = self.codebook.codes[self.codebook.nearest(z.flatten(0, 1))].view_as(z)
        return self.paint(z, self._stands(keep), keep, self.grid_of(pixels.shape[2], pixels.shape[3]))

    @torch.no_grad()
    def numbers(self, pixels: Float[Tensor, "b 3 y x"]) -> dict[str, float]:
        """Mean and standard deviation of the number of kept patches."""
        count = self._inferred(pixels)[0].sum(1)
        return {"kept": float(count.mean()), "kept_std": float(count.std(unbiased=False))}

    @torch.no_grad()
    def usage(self, pixels: Float[Tensor, "b 3 y x"]) -> dict[str, float]:
        """``usage`` and ``perplexity`` of the codes, once they are in place."""
        if self.part != CODES:
            return {}
        keep, _, z = self._inferred(pixels)
        usage = self.codebook.usage(self.codebook.nearest(z[keep > 0.5]))
        return {"usage": usage.share, "perplexity": usage.perplexity}

    def _inferred(self, pixels: Float[Tensor, "b 3 y x"]) -> Merged:
        """As at inference; while there is no threshold yet, with the one that keeps the wanted share of these."""
        own = self.threshold if self.part == CODES else self._wanted(self.logits(pixels)[1])
        return self.merged(pixels, threshold=own)

    def _wanted(self, logits: Float[Tensor, "b t"]) -> Float[Tensor, ""]:
        """The threshold above which the wanted share of these logits lies."""
        return logits.flatten().quantile(1 - self.shape.rate)

    def compile_parts(self) -> None:
        for part in (*self.trunk.blocks, *self.merger.blocks, *self.paint.blocks):
            part.compile()

    # the codec's two directions

    @torch.no_grad()
    def sentences(self, pixels: Float[Tensor, "b 3 y x"]) -> list[Float[Tensor, "n w"]]:
        """Of each picture its sentence of ids, beside the merged token of each code; zeros beside other ids."""
        keep, tokens, z = self.merged(pixels)
        features = (tokens + self.bias) * self.scale
        found = []
        for i in range(len(pixels)):
            at = (keep[i] > 0.5).nonzero()[:, 0]
            ids = self.sentence.write(self.codebook.nearest(z[i, at]), at)
            read = features.new_zeros(len(ids), features.shape[-1])
            read[self.sentence.carries(ids)] = features[i, at]
            found.append(self.shape.halves().join(read, ids))
        return found

    def encode_pixels(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b m w"]:
        """Padded behind the end with more of it."""
        return pad_sequence(self.sentences(pixels), batch_first=True, padding_value=float(self.sentence.end))

    def encode_many(self, raws: list[Raw]) -> list[tuple[Tensor, tuple[int, ...]]]:
        pairs: list[tuple[Tensor, tuple[int, ...]]] = []
        for pixels in parts_of(raws):
            grid = self.grid_of(pixels.shape[2], pixels.shape[3])
            pairs += [(values.cpu(), grid) for values in self.sentences(pixels.to(self.device))]
        return pairs

    @torch.no_grad()
    def decode_pixels(self, values: Int[Tensor, "b m"], grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        """Of sentences; what stands behind an end is not read. Raises ShapeError for places outside the grid."""
        shown = self.sentence.carries(values)
        stands = self.sentence.places_of(values) if self.shape.positions else ranks(shown)
        if int(stands.max()) >= grid[0] * grid[1] and self.shape.positions:
            raise ShapeError(f"a sentence says place {int(stands.max())}, which a grid of {grid} does not have")
        codes = torch.where(shown, values, 0)
        return self.paint(self.codebook.codes[codes], stands, shown.float(), grid)

    def decode(self, values: Tensor, grid: tuple[int, ...]) -> Image.Image:
        rows, columns = grid
        ids = self.shape.halves().made(values)[None].to(self.device)
        return to_picture(self.decode_pixels(ids, (rows, columns))[0].cpu())

    def decode_many(self, values: list[Tensor], grid: tuple[int, ...]) -> list[Raw]:
        rows, columns = grid
        ids = [self.shape.halves().made(one) for one in values]
        made: list[Raw] = []
        for start in range(0, len(ids), AT_ONCE):
            batch = pad_sequence(ids[start : start + AT_ONCE], batch_first=True, padding_value=self.sentence.end)
            pixels = self.decode_pixels(batch.to(self.device), (rows, columns))
            made += [to_picture(picture) for picture in pixels.cpu()]
        return made

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.shape} {super().fingerprint()}".encode()).hexdigest()[:16]
