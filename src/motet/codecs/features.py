"""The understanding encoder: a vision transformer whose last hidden states are the features of a picture.

It is trained beside a text tower by image-text contrast (``recipes/train_contrast.py``), so its features say what a
picture shows rather than how its pixels go. Janus (arXiv 2410.13848) reads pictures through such features (SigLIP, all
patch tokens, last norm on, no class token); Emu (2307.05222) and PUMA (2410.13861) write them as well, in the form of
a ``Pyramid``. There is no way back from features to pixels but a learned, generative one: ``FeatureDecoder``.
"""

import hashlib
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor, nn

from motet.bounds import check_bounds
from motet.codecs.codec import Codec
from motet.codecs.moments import Moments
from motet.codecs.patches import PLACE_BANDS, cut, patch_grid, place_features
from motet.codecs.picture_codec import in_parts, parts_of
from motet.errors import CapabilityError
from motet.nn.attention import Context
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.backend import choose_backend
from motet.sequence import Tags
from motet.types import N_AXES, Raw


@dataclass(frozen=True)
class FeaturesShape:
    """Size of the vision transformer; its width is also the number of features of a patch."""

    patch: int = field(default=6, metadata={"help": "pixels along a side of a token's patch"})
    dim: int = field(
        default=128, metadata={"help": "width of the vision transformer, and numbers in a token's features"}
    )
    n_layers: int = field(default=4, metadata={"help": "blocks of the vision transformer"})
    n_heads: int = field(default=4, metadata={"help": "heads of the vision transformer"})

    def __post_init__(self) -> None:
        check_bounds(self, "patch", "dim", "n_layers", "n_heads", low=1)


class Features(Codec):
    """Pictures -> one feature vector for each patch, each channel scaled to zero mean and unit spread."""

    bias: Tensor
    scale: Tensor

    def __init__(self, shape: FeaturesShape):
        super().__init__()
        self.shape = shape
        self.project_in = nn.Linear(3 * shape.patch**2, shape.dim)
        self.place = nn.Linear(4 * PLACE_BANDS, shape.dim, bias=False)
        self.trunk = axial_trunk(shape.dim, shape.n_layers, shape.n_heads)
        self.register_buffer("bias", torch.zeros(shape.dim))
        self.register_buffer("scale", torch.ones(shape.dim))

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens of a picture; raises ShapeError if the patch does not divide it."""
        return patch_grid(height, width, self.shape.patch)

    def hidden(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b t c"]:
        """Features as the transformer makes them, not yet scaled: what contrast trains. Pixels are in -1 to 1."""
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        h = self.project_in(cut(pixels, self.shape.patch)) + self.place(place_features(grid).to(pixels.device))
        h, _ = self.trunk.run(h, together(self.trunk, centres(grid), h))
        return h.float()

    @torch.no_grad()
    def measure(self, pixels: Float[Tensor, "b 3 y x"]) -> None:
        """Sets bias and scale so that every channel of the features of ``pixels`` has zero mean and unit spread."""
        moments = Moments()
        for part in in_parts(pixels):
            moments.add(self.hidden(part).flatten(0, 1))
        self.bias.copy_(-moments.mean)
        self.scale.copy_(1 / moments.std.clamp_min(1e-6))

    @torch.no_grad()
    def encode_pixels(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b t c"]:
        """Scaled features."""
        return (self.hidden(pixels) + self.bias) * self.scale

    def encode(self, raw: Raw) -> tuple[Float[Tensor, "n c"], tuple[int, ...]]:
        return self.encode_many([raw])[0]

    def encode_many(self, raws: list[Raw]) -> list[tuple[Tensor, tuple[int, ...]]]:
        pairs: list[tuple[Tensor, tuple[int, ...]]] = []
        for pixels in parts_of(raws):
            grid = self.grid_of(pixels.shape[2], pixels.shape[3])
            pairs += [(values, grid) for values in self.encode_pixels(pixels.to(self.bias.device)).cpu()]
        return pairs

    def decode(self, values: Float[Tensor, "n c"], grid: tuple[int, ...]) -> Image.Image:
        """Raises CapabilityError: many pictures have the same features, and nothing here says how to choose."""
        raise CapabilityError(
            f"features of grid {grid} cannot be drawn by themselves; give a Pyramid of them a FeatureDecoder, "
            "or generate with a codec that reconstructs"
        )

    def fingerprint(self) -> str:
        """Also of the shape: the same weights with another number of heads encode otherwise."""
        return hashlib.sha256(f"{self.shape} {super().fingerprint()}".encode()).hexdigest()[:16]


def axial_trunk(dim: int, n_layers: int, n_heads: int) -> Backbone:
    """Plain blocks whose rotary positions are rows and columns."""
    half = dim // n_heads // 2
    return Backbone.plain(
        TransformerShape(
            dim=dim,
            n_layers=n_layers,
            n_heads=n_heads,
            ffn_dim=3 * dim,
            rope_axes=(0, 0, half, half),
            rope_theta=100.0,
            qk_norm=True,
        )
    )


def centres(grid: tuple[int, int], factor: int = 1) -> Int[Tensor, "n a"]:
    """Positions of the tokens of a grid that was pooled by ``factor``: their centres, counted in half patches.

    Half patches make centres of every scale whole numbers. ``grid`` is the one before pooling.
    """
    rows, columns = (2 * factor * torch.arange(size // factor) + factor - 1 for size in grid)
    place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1).flatten(0, 1)
    pos = torch.zeros(len(place), N_AXES, dtype=torch.long)
    pos[:, -2:] = place
    return pos


def together(trunk: Backbone, pos: Int[Tensor, "t a"], x: Float[Tensor, "b t d"]) -> Context:
    """The context in which all tokens of each row of ``x`` see each other; one mask serves all rows."""
    doc = torch.zeros(1, len(pos), dtype=torch.long, device=x.device)
    tags = Tags(doc, doc, torch.ones_like(doc, dtype=torch.bool))
    backend = choose_backend(trunk.attention, x.device, grad=x.requires_grad, row_length=len(pos))
    return Context(backend, backend.mask(tags, tags), trunk.rope(pos[None].to(x.device)))
