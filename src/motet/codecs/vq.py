"""VQ: an autoencoder whose tokens are codes of a codebook (VQ-VAE, arXiv 1711.00937, as LlamaGen, arXiv 2406.06525).

Between the transformers of encoder and decoder stands one vector of few numbers for each patch, of length 1 (section
2.1), and the nearest of K such codes takes its place. The gradient passes the codebook as if it were not there:

    z = unit(encoder(patches));   code = nearest(z);   made = decoder(z + stop(code - z))
    loss = L1 + multi-scale L1 + commitment * mean((z - stop(code))^2)

The codes themselves follow the vectors by a moving average (codebook.py). Encoder and decoder start linear: the
leading principal components of the patches beside a constant, so that their length survives ``unit``; codes by k-means
of those; the way back by least squares.
"""

import hashlib
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from motet.bounds import check_bounds
from motet.codecs.codebook import Codebook
from motet.codecs.patches import PatchTransformer, cut, in_exact_parts, join, patch_grid, principal_components
from motet.codecs.picture_codec import PictureCodec, Terms, distances, in_parts
from motet.errors import ConfigError

RIDGE = 1e-6
"""Of the least squares, beside a mean square of 1."""


@dataclass(frozen=True)
class VqShape:
    """Size of a VQ codec and of its codebook."""

    patch: int = field(default=6, metadata={"help": "pixels along a side of a token's patch"})
    codebook_size: int = field(default=1024, metadata={"help": "number of codes"})
    code_dim: int = field(default=8, metadata={"help": "numbers in a code"})
    dim: int = field(default=256, metadata={"help": "width of encoder and decoder"})
    n_layers: int = field(default=3, metadata={"help": "blocks of the encoder, and of the decoder"})
    n_heads: int = field(default=4, metadata={"help": "heads of encoder and decoder"})
    commitment: float = field(default=0.25, metadata={"help": "weight of the distance of vectors from their codes"})
    decay: float = field(default=0.99, metadata={"help": "of the codes' moving averages"})
    perceptual_weight: float = field(
        default=0.0, metadata={"help": "weight of a perceptual distance (EfficientNet-Lite0 features); 0: not computed"}
    )

    def __post_init__(self) -> None:
        check_bounds(self, "patch", "codebook_size", "dim", "n_layers", "n_heads", low=1)
        check_bounds(self, "commitment", "perceptual_weight", low=0)
        if self.code_dim < 2:
            raise ConfigError(f"code_dim is {self.code_dim}; unit vectors of fewer than 2 numbers are 1 and -1")
        if not 0 <= self.decay < 1:
            raise ConfigError(f"decay is {self.decay}; a moving average forgets by a factor in [0, 1)")


class VQ(PictureCodec):
    """Pictures <-> one of ``codebook_size`` codes for each patch."""

    def __init__(self, shape: VqShape):
        super().__init__()
        self.shape = shape
        self.perceptual_weight = shape.perceptual_weight
        pixels = 3 * shape.patch**2
        size = {"dim": shape.dim, "n_layers": shape.n_layers, "n_heads": shape.n_heads}
        self.encoder = PatchTransformer(pixels, shape.code_dim, **size)
        self.codebook = Codebook(shape.codebook_size, shape.code_dim, decay=shape.decay)
        self.decoder = PatchTransformer(shape.code_dim, pixels, **size)

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens of a picture; raises ShapeError if the patch does not divide it."""
        return patch_grid(height, width, self.shape.patch)

    # the autoencoder

    def vectors(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b t e"]:
        """Unit vectors, before codes take their place."""
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        return normalize(self.encoder(cut(pixels, self.shape.patch), grid).float(), dim=-1)

    def nearest(self, vectors: Float[Tensor, "b t e"]) -> Int[Tensor, "b t"]:
        return self.codebook.nearest(vectors.flatten(0, 1)).view(vectors.shape[:2])

    def embedding_of(self, codes: Int[Tensor, "*n"]) -> Float[Tensor, "*n e"]:
        """The unit vectors of codes: what a model may embed instead of their numbers (Janus)."""
        return self.codebook.codes[codes]

    def reconstruct(self, vectors: Float[Tensor, "b t e"], grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        """Pixels of unit vectors. The decoder sees them with numbers of mean square 1, as its layers are made for."""
        patches = self.decoder(vectors * self.shape.code_dim**0.5, grid)
        return join(patches.float(), grid, self.shape.patch)

    def noise_for(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> Float[Tensor, "b t"]:
        """A number from 0 to 1 for each token, by which dead codes find new places."""
        rows, columns = self.grid_of(pixels.shape[2], pixels.shape[3])
        return torch.rand(len(pixels), rows * columns, generator=rng)

    def loss(
        self, pixels: Float[Tensor, "b 3 y x"], noise: Float[Tensor, "b t"], perceptual: nn.Module | None = None
    ) -> Terms:
        """Named terms; ``objective`` weighs them. In training mode the codebook then follows the batch, as the
        statistics of a batch norm do.
        """
        z = self.vectors(pixels)
        codes = self.nearest(z)
        quantised = self.embedding_of(codes)
        straight = z + (quantised - z).detach()
        made = self.reconstruct(straight, self.grid_of(pixels.shape[2], pixels.shape[3]))
        terms = distances(made, pixels, perceptual) | {"commitment": (z - quantised).square().mean()}
        if self.training:
            self.codebook.follow(z.detach().flatten(0, 1), codes.flatten(), noise.flatten())
        return terms

    def objective(self, terms: Terms) -> Float[Tensor, ""]:
        """``l1 + multiscale / 2 + commitment + perceptual_weight * perceptual``, the third with its own weight."""
        total = terms["l1"] + terms["multiscale"] / 2 + self.shape.commitment * terms["commitment"]
        if "perceptual" in terms:
            total = total + self.shape.perceptual_weight * terms["perceptual"]
        return total

    @torch.no_grad()
    def autoencode(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b 3 y x"]:
        """Pictures through their codes."""
        return self.decode_pixels(self.encode_pixels(pixels), self.grid_of(pixels.shape[2], pixels.shape[3]))

    def usage(self, pixels: Float[Tensor, "b 3 y x"]) -> dict[str, float]:
        """``usage``, the share of codes that these pictures use, and the ``perplexity`` of their codes."""
        usage = self.codebook.usage(self.encode_pixels(pixels).flatten())
        return {"usage": usage.share, "perplexity": usage.perplexity}

    def compile_parts(self) -> None:
        self.encoder.compile_blocks()
        self.decoder.compile_blocks()

    # starting point

    @torch.no_grad()
    def start_from(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        """Starts the linear maps at principal components, the codes at k-means.

        Component k with variance w_k leaves with a spread of w_k^(1/4), between whitening and none, and all of them
        together with the length of the constant beside them.
        """
        patches = cut(pixels, self.shape.patch).flatten(0, 1)
        centre, variance, direction = principal_components(patches, self.shape.code_dim - 1)
        scale = variance**-0.25
        scale = scale / (variance * scale**2).sum().sqrt()
        linear, n = self.encoder.linear, len(variance)
        linear.weight.zero_()
        linear.bias.zero_()
        linear.weight[:n] = (direction * scale).T.to(linear.weight)
        linear.bias[:n] = -(centre @ (direction * scale)).to(linear.bias)
        linear.bias[-1] = 1
        z = torch.cat([self.vectors(part) for part in in_parts(pixels)])
        self.codebook.start_from(z.flatten(0, 1), rng)
        self._fit_decoder(self.embedding_of(self.nearest(z)).flatten(0, 1), patches)

    def _fit_decoder(self, codes: Float[Tensor, "k e"], patches: Float[Tensor, "k i"]) -> None:
        """The linear way back that is nearest to ``patches`` in the mean square."""
        seen = codes * self.shape.code_dim**0.5
        x = torch.cat([seen, torch.ones_like(seen[:, :1])], -1).double()
        square = x.T @ x / len(x) + RIDGE * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        both = x.new_zeros(x.shape[1], patches.shape[1])
        parts = in_exact_parts(patches)
        for part, theirs in zip(parts, x.split(len(parts[0])), strict=True):
            both += theirs.T @ part.double() / len(x)
        back = torch.linalg.solve(square, both)
        self.decoder.linear.weight.copy_(back[:-1].T)
        self.decoder.linear.bias.copy_(back[-1])

    # the codec's two directions

    @torch.no_grad()
    def encode_pixels(self, pixels: Float[Tensor, "b 3 y x"]) -> Int[Tensor, "b t"]:
        return self.nearest(self.vectors(pixels))

    @torch.no_grad()
    def decode_pixels(self, values: Int[Tensor, "b t"], grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        return self.reconstruct(self.embedding_of(values), grid)

    def fingerprint(self) -> str:
        """Also of the shape: the same weights under another number of heads encode otherwise."""
        return hashlib.sha256(f"{self.shape} {super().fingerprint()}".encode()).hexdigest()[:16]
