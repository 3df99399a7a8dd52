"""Sigma-VAE: an autoencoder whose latent noise is set by hand (LatentLM, arXiv 2412.08635, section 3.2).

The encoder gives a mean for each channel of each token; ``z = mean + s * e`` with e standard normal. What s is, is the
point:

    gaussian   one s ~ N(0, (sigma / 0.8)^2) a picture, so that E|s| = sigma (0.8 stands for E|N(0,1)| = .798)
    fixed      s = sigma
    learned    a scale for each channel of each token, as in a plain VAE
    none       s = 0, a plain autoencoder
    spherical  the noised mean of each token is projected onto the sphere of radius sqrt(channels) (SphereAR), and so
               is each latent that a model draws, before anything reads it

The loss is L1 + multi-scale L1 + weight * mean(mean^2) (for ``learned`` twice the Kullback-Leibler divergence to
N(0, I), so that both weigh the means alike).
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
from torch import Tensor, nn

from motet.bounds import check_bounds
from motet.codecs.moments import Moments
from motet.codecs.patches import PatchTransformer, cut, join, patch_grid, principal_components
from motet.codecs.picture_codec import PictureCodec, Terms, distances, in_parts

NoiseKind = Literal["gaussian", "fixed", "learned", "none", "spherical"]

GAUSSIAN_SPREAD = 0.8
"""E|N(0, 1)| as LatentLM rounds it: dividing by it makes sigma the mean size of a picture's noise scale."""


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
    mean_weight: float = field(
        default=1e-2, metadata={"help": "weight of mean^2, or of twice the divergence for 'learned'"}
    )
    perceptual_weight: float = field(
        default=0.0, metadata={"help": "weight of a perceptual distance (EfficientNet-Lite0 features); 0: not computed"}
    )
    statistics: Literal["global", "channel"] = field(
        default="global", metadata={"help": "latents are scaled by one number, or one for each channel"}
    )

    def __post_init__(self) -> None:
        check_bounds(self, "patch", "channels", "dim", "n_layers", "n_heads", low=1)
        check_bounds(self, "sigma", "mean_weight", "perceptual_weight", low=0)

    @property
    def noise_variance(self) -> float:
        """Mean square of the latent noise; for ``learned`` at the start."""
        return {"none": 0.0, "gaussian": (self.sigma / GAUSSIAN_SPREAD) ** 2}.get(self.noise, self.sigma**2)


class Posterior(NamedTuple):
    """Mean and noise scale of latents, each ``[b, t, c]`` (the scale may broadcast)."""

    mean: Tensor
    scale: Tensor


class SigmaVAE(PictureCodec):
    """Pictures <-> one latent for each patch. Latents leave it scaled to zero mean and unit spread."""

    bias: Tensor
    scale: Tensor

    def __init__(self, shape: SigmaVaeShape):
        super().__init__()
        self.shape = shape
        pixels = 3 * shape.patch**2
        spread = shape.channels if shape.noise == "learned" else 0
        size = {"dim": shape.dim, "n_layers": shape.n_layers, "n_heads": shape.n_heads}
        self.perceptual_weight = shape.perceptual_weight
        self.encoder = PatchTransformer(pixels, shape.channels + spread, **size)
        self.decoder = PatchTransformer(shape.channels, pixels, **size)
        self.register_buffer("bias", torch.zeros(shape.channels))
        self.register_buffer("scale", torch.ones(shape.channels))

    # pixels and patches

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens of a picture; raises ShapeError if the patch does not divide it."""
        return patch_grid(height, width, self.shape.patch)

    def to_patches(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b t i"]:
        return cut(pixels, self.shape.patch)

    def to_pixels(self, patches: Float[Tensor, "b t i"], grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        return join(patches, grid, self.shape.patch)

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

    def noise_for(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> Float[Tensor, "b t c"]:
        rows, columns = self.grid_of(pixels.shape[2], pixels.shape[3])
        return self.noise_like(torch.empty(len(pixels), rows * columns, self.shape.channels), rng)

    def loss(
        self, pixels: Float[Tensor, "b 3 y x"], noise: Float[Tensor, "b t c"], perceptual: nn.Module | None = None
    ) -> Terms:
        """Named terms; ``objective`` weighs them. Pixels are in -1 to 1; ``perceptual(made, true)`` is a distance."""
        posterior = self.posterior(pixels)
        made = self.reconstruct(self.noised(posterior, noise), self.grid_of(pixels.shape[2], pixels.shape[3]))
        terms = distances(made, pixels, perceptual)
        square = posterior.mean.square()
        if self.shape.noise == "learned":
            variance = posterior.scale.square()
            square = square + variance - 1 - variance.log()
        terms["mean"] = square.mean()
        return terms

    def objective(self, terms: Terms) -> Float[Tensor, ""]:
        """``l1 + multiscale / 2 + mean_weight * mean + perceptual_weight * perceptual``."""
        total = terms["l1"] + terms["multiscale"] / 2 + self.shape.mean_weight * terms["mean"]
        if "perceptual" in terms:
            total = total + self.shape.perceptual_weight * terms["perceptual"]
        return total

    @torch.no_grad()
    def autoencode(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b 3 y x"]:
        """Pictures through the means of their latents."""
        return self.reconstruct(self.posterior(pixels).mean, self.grid_of(pixels.shape[2], pixels.shape[3]))

    def compile_parts(self) -> None:
        self.encoder.compile_blocks()
        self.decoder.compile_blocks()

    # starting point and statistics

    @torch.no_grad()
    def start_from(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator | None = None) -> None:
        """Starts the linear maps at the principal components of the patches of ``pixels``.

        Component k with variance w_k leaves with a spread of w_k^(1/4) up to a common factor (total spread 1), between
        whitening and none; the way back is shrunk by what the noise will cover (the Wiener gain). Nothing is drawn.
        """
        centre, variance, direction = principal_components(self.to_patches(pixels).flatten(0, 1), self.shape.channels)
        n = len(variance)
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
        noise, moments = self.noise_for(pixels, rng), Moments()
        parts = in_parts(pixels)
        for part, drawn in zip(parts, noise.split(len(parts[0])), strict=True):
            moments.add(self.noised(self.posterior(part), drawn.to(part.device)).flatten(0, 1))
        spread = moments.std if self.shape.statistics == "channel" else moments.variance.mean().sqrt()
        self.bias.copy_(-moments.mean)
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

    def project(self, values: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        """For ``spherical`` noise onto the sphere, on which all latents lie that training shows (SphereAR)."""
        if self.shape.noise != "spherical":
            return values
        bias, scale = self.bias.to(values.device), self.scale.to(values.device)
        return (self._onto_sphere(values / scale - bias) + bias) * scale

    def fingerprint(self) -> str:
        """Also of the shape: the same weights under another kind of noise or number of heads encode otherwise."""
        return hashlib.sha256(f"{self.shape} {super().fingerprint()}".encode()).hexdigest()[:16]

    def _onto_sphere(self, z: Tensor) -> Tensor:
        return z / z.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-6)
