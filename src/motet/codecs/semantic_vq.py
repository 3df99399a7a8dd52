"""Codes that keep what a picture shows beside what it looks like: the one encoder of Janus' ablation.

Janus (arXiv 2410.13848, section 4.4, settings B and C) asks whether two encoders are needed at all, with a tokenizer
whose codes must give back the features of an understanding encoder as well as the pixels:

    loss = the loss of ``VQ`` + semantic_weight * mean(1 - cosine(features of the codes, features of the picture))

The understanding encoder is the teacher of this stage and is not used behind it. The paper's language model reads the
features of the codes through the tokenizer's causal transformer; here it reads the codes themselves, in either task.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from motet.bounds import check_bounds
from motet.codecs.features import Features, FeaturesShape
from motet.codecs.patches import PatchTransformer
from motet.codecs.picture_codec import PictureCodec, Terms, distances
from motet.codecs.vq import VQ, VqShape
from motet.errors import ConfigError


@dataclass(frozen=True)
class SemanticShape:
    """What is asked of the codes of a semantic tokenizer beside pixels."""

    weight: float = field(default=0.25, metadata={"help": "of the distance from the teacher's features"})
    dim: int = field(default=128, metadata={"help": "width of the decoder of features"})
    n_layers: int = field(default=2, metadata={"help": "blocks of the decoder of features (paper: 12)"})
    n_heads: int = field(default=4, metadata={"help": "heads of the decoder of features"})

    def __post_init__(self) -> None:
        check_bounds(self, "weight", low=0)
        check_bounds(self, "dim", "n_layers", "n_heads", low=1)


class SemanticVQ(PictureCodec):
    """Pictures <-> one code for each patch, trained to tell a teacher's features too.

    Raises ConfigError if the teacher cuts pictures into other patches.
    """

    def __init__(self, vq: VqShape, features: FeaturesShape, shape: SemanticShape):
        super().__init__()
        if vq.patch != features.patch:
            raise ConfigError(
                f"codes stand for patches of {vq.patch} pixels and their teacher's features for patches of "
                f"{features.patch}; give both the same patch"
            )
        self.shape = shape
        self.perceptual_weight = vq.perceptual_weight
        self.vq = VQ(vq)
        self.teacher = Features(features)
        self.meaning = PatchTransformer(
            vq.code_dim, features.dim, dim=shape.dim, n_layers=shape.n_layers, n_heads=shape.n_heads
        )

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        return self.vq.grid_of(height, width)

    def start_from(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> None:
        self.vq.start_from(pixels, rng)

    def noise_for(self, pixels: Float[Tensor, "b 3 y x"], rng: torch.Generator) -> Tensor:
        return self.vq.noise_for(pixels, rng)

    def features_of(self, vectors: Float[Tensor, "b t e"], grid: tuple[int, int]) -> Float[Tensor, "b t c"]:
        """What the codes say that the teacher's scaled features are."""
        return self.meaning(vectors * self.vq.shape.code_dim**0.5, grid).float()

    def loss(self, pixels: Float[Tensor, "b 3 y x"], noise: Tensor, perceptual: nn.Module | None = None) -> Terms:
        """The terms of ``VQ`` and ``meaning``, 1 - cosine; in training mode the codebook follows."""
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        z = self.vq.vectors(pixels)
        codes = self.vq.nearest(z)
        quantised = self.vq.embedding_of(codes)
        straight = z + (quantised - z).detach()
        terms = distances(self.vq.reconstruct(straight, grid), pixels, perceptual)
        terms["commitment"] = (z - quantised).square().mean()
        told, true = self.features_of(straight, grid), self.teacher.encode_pixels(pixels)
        terms["meaning"] = (1 - cosine_similarity(told, true, dim=-1)).mean()
        if self.training:
            self.vq.codebook.follow(z.detach().flatten(0, 1), codes.flatten(), noise.flatten())
        return terms

    def objective(self, terms: Terms) -> Float[Tensor, ""]:
        return self.vq.objective(terms) + self.shape.weight * terms["meaning"]

    def autoencode(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b 3 y x"]:
        return self.vq.autoencode(pixels)

    def numbers(self, pixels: Float[Tensor, "b 3 y x"]) -> dict[str, float]:
        """The mean ``cosine`` of told and true features."""
        with torch.no_grad():
            vectors = self.vq.embedding_of(self.vq.encode_pixels(pixels))
            told = self.features_of(vectors, self.grid_of(pixels.shape[2], pixels.shape[3]))
            cosine = cosine_similarity(told, self.teacher.encode_pixels(pixels), dim=-1).mean()
        return {"cosine": float(cosine)}

    def usage(self, pixels: Float[Tensor, "b 3 y x"]) -> dict[str, float]:
        return self.vq.usage(pixels)

    def compile_parts(self) -> None:
        self.vq.compile_parts()
        self.meaning.compile_blocks()
        for block in self.teacher.trunk.blocks:
            block.compile()

    def encode_pixels(self, pixels: Float[Tensor, "b 3 y x"]) -> Tensor:
        return self.vq.encode_pixels(pixels)

    def decode_pixels(self, values: Tensor, grid: tuple[int, int]) -> Float[Tensor, "b 3 y x"]:
        return self.vq.decode_pixels(values, grid)

    def fingerprint(self) -> str:
        """The codes' alone: what is decoded from them beside pixels changes no encoding."""
        return self.vq.fingerprint()
