"""Sigma-VAE: an autoencoder whose latent noise is set by hand (LatentLM, arXiv 2412.08635, section 3.2).

The encoder gives a mean for each channel of each token; ``z = mean + s * e`` with e standard normal. What s is, is the
point:

    gaussian   one s ~ N(0, (sigma / 0.8)^2) a picture, so that E|s| = sigma (0.8 stands for E|N(0,1)| = .798)
    fixed      s = sigma
    learned    a scale for each channel of each token, as in a plain VAE
    none       s = 0, a plain autoencoder
    spherical  the noised mean of each token is projected onto the sphere of radius sqrt(channels) (SphereAR)

The loss is L1 + multi-scale L1 + weight * mean(mean^2) (for ``learned`` the Kullback-Leibler divergence to N(0, I)).
Encoder and decoder are transformers over patches with axial rotary positions, so any picture that the patch divides
fits. Beside each stands a linear map, started at the principal components of the patches: it gives a usable codec
before the first step, and the transformers learn what it lacks.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from motet.codecs.codec import Codec
from motet.errors import ConfigError, ShapeError
from motet.nn.attention import Context
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.backend import choose_backend
from motet.sequence import Tags, positions
from motet.types import Raw

PLACE_BANDS = 4
"""Frequencies of each axis of ``place_features``: the finest turns once over an eighth of a side."""

NoiseKind = Literal["gaussian", "fixed", "learned", "none", "spherical"]

GAUSSIAN_SPREAD = 0.8
"""E|N(0, 1)| as LatentLM rounds it: dividing by it makes sigma the mean size of a picture's noise scale."""

AT_ONCE = 256
"""Pictures decoded together, at most."""


@dataclass(frozen=True)
class SigmaVaeShape:
    """Size and noise of a sigma-VAE."""

    patch: int = field(default=16, metadata={"help": "pixels along a side of a token's patch"})
    channels: int = field(default=64, metadata={"help": "numbers in a token's latent"})
    dim: int = field(default=256, metadata={"help": "width of encoder and decoder"})
    n_layers: int = field(default=3, metadata={"help": "blocks of the encoder, and of the decoder"})
    n_heads: int = field(default=4, metadata={"help": "heads of encoder and decoder"})
    noise: NoiseKind = field(default="fixed", metadata={"help": "gaussian, fixed, learned, none or spherical"})
    sigma: float = field(default=0.3, metadata={"help": "scale of the latent noise (latents have a spread of about 1)"})
    mean_weight: float = field(default=1e-2, metadata={"help": "weight of mean^2, or of the divergence for 'learned'"})
    perceptual_weight: float = field(
        default=0.0, metadata={"help": "weight of a perceptual distance (EfficientNet-Lite0 features); 0: not computed"}
    )
    statistics: Literal["global", "channel"] = field(
        default="global", metadata={"help": "latents are scaled by one number, or one for each channel"}
    )

    def __post_init__(self) -> None:
        if self.sigma < 0:
            raise ConfigError(f"sigma is {self.sigma}; the noise scale cannot be negative")
        if self.noise == "none" and self.sigma != type(self).sigma:
            raise ConfigError(f"sigma={self.sigma} has no effect with noise='none'; leave it out")

    @property
    def noise_variance(self) -> float:
        """Mean square of the latent noise; for ``learned`` at the start."""
        return {"none": 0.0, "gaussian": (self.sigma / GAUSSIAN_SPREAD) ** 2}.get(self.noise, self.sigma**2)


class Posterior(NamedTuple):
    """Mean and noise scale of latents, each ``[b, t, c]`` (the scale may broadcast)."""

    mean: Tensor
    scale: Tensor


class PatchTransformer(nn.Module):
    """``in -> out`` numbers for each patch: a linear map plus what a transformer over all patches adds to it."""

    def __init__(self, n_in: int, n_out: int, shape: SigmaVaeShape):
        super().__init__()
        head_dim = shape.dim // shape.n_heads
        trunk = TransformerShape(
            dim=shape.dim,
            n_layers=shape.n_layers,
            n_heads=shape.n_heads,
            ffn_dim=3 * shape.dim,
            rope_axes=(0, 0, head_dim // 2, head_dim // 2),
            rope_theta=100.0,
        )
        self.linear = nn.Linear(n_in, n_out)
        self.project_in = nn.Linear(n_in, shape.dim)
        self.place = nn.Linear(4 * PLACE_BANDS, shape.dim, bias=False)
        self.trunk = Backbone.plain(trunk)
        self.project_out = nn.Linear(shape.dim, n_out)
        nn.init.zeros_(self.project_out.weight)
        nn.init.zeros_(self.project_out.bias)

    def forward(self, x: Float[Tensor, "b t i"], grid: tuple[int, int]) -> Float[Tensor, "b t o"]:
        h = self.project_in(x) + self.place(place_features(grid).to(x.device))
        h, _ = self.trunk.run(h, self._context(grid, x.device, grad=h.requires_grad))
        return self.linear(x) + self.project_out(h)

    def _context(self, grid: tuple[int, int], device: torch.device, *, grad: bool) -> Context:
        """All patches of a picture see each other."""
        tokens = grid[0] * grid[1]
        doc = torch.zeros(1, tokens, dtype=torch.long, device=device)
        together = Tags(doc, doc, torch.ones_like(doc, dtype=torch.bool))
        backend = choose_backend("auto", device, grad=grad, row_length=tokens)
        rotation = self.trunk.rope(positions(tokens, 0, grid).to(device)[None])
        return Context(backend, backend.mask(together, together), rotation)


def place_features(grid: tuple[int, int]) -> Float[Tensor, "t f"]:
    """Where each patch stands in the whole picture: sines and cosines of its row and column, each scaled to 0 .. 1.

    Rotary positions tell patches apart by their distance only; but pictures are composed, and a middle is not an edge.
    """
    axes = [(torch.arange(size) + 0.5) / size for size in grid]
    place = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, 1)
    angle = (place[..., None] * torch.pi * 2.0 ** torch.arange(PLACE_BANDS)).flatten(1)
    return torch.cat([angle.sin(), angle.cos()], -1)


class SigmaVAE(Codec):
    """Pictures <-> one latent for each patch. Latents leave it scaled to zero mean and unit spread."""

    bias: Tensor
    scale: Tensor

    def __init__(self, shape: SigmaVaeShape):
        super().__init__()
        self.shape = shape
        pixels = 3 * shape.patch**2
        spread = shape.channels if shape.noise == "learned" else 0
        self.encoder = PatchTransformer(pixels, shape.channels + spread, shape)
        self.decoder = PatchTransformer(shape.channels, pixels, shape)
        self.register_buffer("bias", torch.zeros(shape.channels))
        self.register_buffer("scale", torch.ones(shape.channels))

    # pixels and patches

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens of a picture; raises ShapeError if the patch does not divide it."""
        p = self.shape.patch
        if height % p or width % p or not height or not width:
            raise ShapeError(
                f"a picture of {height}x{width} pixels does not divide into patches of {p}x{p}; "
                f"resize it to multiples of {p}, {max(p, height // p * p)}x{max(p, width // p * p)} for example"
            )
        return height // p, width // p

    def to_patches(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b t i"]:
        rows, columns = self.grid_of(pixels.shape[2], pixels.shape[3])
        p = self.shape.patch
        cut = pixels.reshape(-1, 3, rows, p, columns, p)
        return cut.permute(0, 2, 4, 3, 5, 1).reshape(-1, rows * columns, 3 * p * p)

    def to_pixels(self, patches: Float[Tensor, "b t i"], grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        p = self.shape.patch
        cut = patches.reshape(-1, *grid, p, p, 3)
        return cut.permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, grid[0] * p, grid[1] * p)

    # the autoencoder; latents here are as the encoder makes them, not yet scaled

    def posterior(self, pixels: Float[Tensor, "b 3 y x"]) -> Posterior:
        out = self.encoder(self.to_patches(pixels), self.grid_of(pixels.shape[2], pixels.shape[3])).float()
        mean = out[..., : self.shape.channels]
        if self.shape.noise == "learned":
            return Posterior(mean, (out[..., self.shape.channels :] / 2).clamp(-10, 5).exp())
        if self.shape.noise == "spherical":
            mean = self._onto_sphere(mean)
        return Posterior(mean, mean.new_full((1, 1, 1), 0.0 if self.shape.noise == "none" else self.shape.sigma))

    def noise_like(self, mean: Float[Tensor, "b t c"], rng: torch.Generator) -> Float[Tensor, "b t c"]:
        """Standard noise of the shape of ``mean``; for ``gaussian`` already times the picture's own s / sigma."""
        noise = torch.randn(mean.shape, generator=rng).to(mean.device)
        if self.shape.noise == "gaussian":
            noise = noise * torch.randn(mean.shape[0], 1, 1, generator=rng).to(mean.device) / GAUSSIAN_SPREAD
        return noise

    def noised(self, posterior: Posterior, noise: Float[Tensor, "b t c"]) -> Float[Tensor, "b t c"]:
        z = posterior.mean + posterior.scale * noise
        return self._onto_sphere(z) if self.shape.noise == "spherical" else z

    def reconstruct(self, z: Float[Tensor, "b t c"], grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        return self.to_pixels(self.decoder(z, grid).float(), grid)

    def loss(
        self, pixels: Float[Tensor, "b 3 y x"], noise: Float[Tensor, "b t c"], perceptual: nn.Module | None = None
    ) -> dict[str, Float[Tensor, ""]]:
        """Named terms; ``objective`` weighs them. Pixels are in -1 to 1; ``perceptual(made, true)`` is a distance."""
        posterior = self.posterior(pixels)
        made = self.reconstruct(self.noised(posterior, noise), self.grid_of(pixels.shape[2], pixels.shape[3]))
        terms = {"l1": (made - pixels).abs().mean(), "mse": (made - pixels).square().mean()}
        coarse = pixels.new_zeros(())
        small_made, small_true = made, pixels
        for _ in range(2):
            small_made, small_true = avg_pool2d(small_made, 2), avg_pool2d(small_true, 2)
            coarse = coarse + (small_made - small_true).abs().mean()
        terms["multiscale"] = coarse
        square = posterior.mean.square()
        if self.shape.noise == "learned":
            variance = posterior.scale.square()
            square = square + variance - 1 - variance.log()
        terms["mean"] = square.mean()
        if perceptual is not None:
            terms["perceptual"] = perceptual(made, pixels)
        return terms

    def objective(self, terms: dict[str, Float[Tensor, ""]]) -> Float[Tensor, ""]:
        """``l1 + multiscale / 2 + mean_weight * mean + perceptual_weight * perceptual``."""
        total = terms["l1"] + terms["multiscale"] / 2 + self.shape.mean_weight * terms["mean"]
        if "perceptual" in terms:
            total = total + self.shape.perceptual_weight * terms["perceptual"]
        return total

    # starting point and statistics

    @torch.no_grad()
    def start_from(self, pixels: Float[Tensor, "b 3 y x"]) -> None:
        """Starts the linear maps at the principal components of the patches of ``pixels``.

        Component k with variance w_k leaves with a spread of w_k^(1/4) up to a common factor (total spread 1), between
        whitening and none; the way back is shrunk by what the noise will cover (the Wiener gain).
        """
        patches = self.to_patches(pixels).flatten(0, 1).double()
        centre = patches.mean(0)
        covariance = (patches - centre).T @ (patches - centre) / len(patches)
        variance, direction = torch.linalg.eigh(covariance)
        n = min(self.shape.channels, len(variance))
        variance, direction = variance[-n:].flip(0).clamp_min(1e-8), direction[:, -n:].flip(1)
        scale = variance**-0.25
        scale = scale / (variance * scale**2).mean().sqrt()
        gain = variance * scale**2 / (variance * scale**2 + self.shape.noise_variance)
        encode, decode = self.encoder.linear, self.decoder.linear
        encode.weight[:n] = (direction * scale).T.to(encode.weight)
        encode.bias[:n] = -(centre @ (direction * scale)).to(encode.bias)
        decode.weight[:, :n] = (direction / scale * gain).to(decode.weight)
        decode.weight[:, n:] = 0  # channels beyond the numbers of a patch carry nothing yet
        decode.bias.copy_(centre)
        if self.shape.noise == "learned":
            encode.weight[self.shape.channels :] = 0
            encode.bias[self.shape.channels :] = 2 * float(np.log(max(self.shape.sigma, 1e-3)))

    @torch.no_grad()
    def measure(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        """Sets bias and scale so that noised latents of ``pixels`` have zero mean and unit spread."""
        posterior = self.posterior(pixels)
        z = self.noised(posterior, self.noise_like(posterior.mean, rng)).flatten(0, 1)
        centre = z.mean(0)
        spread = (
            z.std(0) if self.shape.statistics == "channel" else (z - centre).square().mean().sqrt().expand(len(centre))
        )
        self.bias.copy_(-centre)
        self.scale.copy_(1 / spread.clamp_min(1e-6))

    # the codec's two directions; latents here are scaled

    @torch.no_grad()
    def encode_pixels(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b t w"]:
        """Scaled means; for ``learned`` noise followed by the scaled noise scale, so twice the channels."""
        posterior = self.posterior(pixels)
        mean = (posterior.mean + self.bias) * self.scale
        return torch.cat([mean, posterior.scale * self.scale], -1) if self.shape.noise == "learned" else mean

    @torch.no_grad()
    def decode_pixels(self, values: Float[Tensor, "b t c"], grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        return self.reconstruct(values / self.scale - self.bias, grid)

    def encode(self, raw: Raw) -> tuple[Float[Tensor, "n w"], tuple[int, ...]]:
        return self.encode_many([raw])[0]

    def encode_many(self, raws: list[Raw]) -> list[tuple[Tensor, tuple[int, ...]]]:
        pictures = [to_tensor(raw) for raw in raws]
        sizes = {tuple(picture.shape) for picture in pictures}
        device = self.bias.device
        if len(sizes) != 1:
            return [pair for raw in raws for pair in self.encode_many([raw])]
        pixels = torch.stack(pictures).to(device)
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        return [(values.cpu(), grid) for values in self.encode_pixels(pixels)]

    def decode(self, values: Float[Tensor, "n c"], grid: tuple[int, ...]) -> Image.Image:
        rows, columns = grid
        return to_picture(self.decode_pixels(values[None].to(self.bias.device), (rows, columns))[0].cpu())

    def decode_many(self, values: list[Tensor], grid: tuple[int, ...]) -> list[Raw]:
        rows, columns = grid
        made: list[Raw] = []
        for start in range(0, len(values), AT_ONCE):
            batch = torch.stack(values[start : start + AT_ONCE]).to(self.bias.device)
            made += [to_picture(pixels) for pixels in self.decode_pixels(batch, (rows, columns)).cpu()]
        return made

    def means(self, values: Float[Tensor, "n w"]) -> Float[Tensor, "n c"]:
        return values[:, : self.shape.channels]

    def draw(self, values: Float[Tensor, "n w"], rng: torch.Generator) -> Float[Tensor, "n c"]:
        """Scaled ``z`` of one picture from what ``encode`` made of it (``w`` is c, or 2c for ``learned``)."""
        bias, scale = self.bias.to(values.device), self.scale.to(values.device)
        mean = (self.means(values) / scale - bias)[None]
        if self.shape.noise == "learned":
            spread = (values[:, self.shape.channels :] / scale)[None]
        else:
            spread = torch.tensor(0.0 if self.shape.noise == "none" else self.shape.sigma, device=values.device)
        z = self.noised(Posterior(mean, spread), self.noise_like(mean, rng))[0]
        return (z + bias) * scale

    def fingerprint(self) -> str:
        """Also of the shape: the same weights under another kind of noise or number of heads encode otherwise."""
        return hashlib.sha256(f"{self.shape} {super().fingerprint()}".encode()).hexdigest()[:16]

    def _onto_sphere(self, z: Tensor) -> Tensor:
        return z / z.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-6)


def to_tensor(picture: Raw) -> Float[Tensor, "3 y x"]:
    """Pixels in -1 to 1 of an RGB picture."""
    assert isinstance(picture, Image.Image)
    array = np.asarray(picture.convert("RGB"), dtype=np.float32)
    return torch.from_numpy(array / 127.5 - 1.0).permute(2, 0, 1).contiguous()


def to_picture(pixels: Float[Tensor, "3 y x"]) -> Image.Image:
    """The RGB picture of pixels in -1 to 1."""
    array = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return Image.fromarray(array)
