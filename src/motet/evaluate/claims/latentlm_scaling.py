"""LatentLM against DiT as training grows longer and models larger: distance of pictures at equal parameters.

Sun et al. 2024 (arXiv 2412.08635, section on scaling): from 455M to 3.8B parameters LatentLM stays below DiT's FID.
Here two sizes by two lengths of training, drawing from text alone, for both. Either sees each picture as often, and
under as many noisings: two draws of each latent in LatentLM's head, two noised copies of a picture in DiT, each of
which costs it a pass of its backbone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from motet.evaluate.claims.claim import Scale
from motet.evaluate.claims.expected import Expected
from motet.evaluate.claims.small import CODECS, DATA, JUDGED, MEASURING, SEEDS, small
from motet.evaluate.claims.trained import TrainedClaim
from motet.evaluate.compare.budget import Allowance
from motet.evaluate.compare.plan import Arm, Comparison
from motet.factorise.next_block import Noising
from motet.recipes.dit import TINY as TINY_DIT
from motet.recipes.dit import DiT
from motet.recipes.latentlm import STUDY as STUDY_LATENTLM
from motet.recipes.latentlm import TINY as TINY_LATENTLM
from motet.recipes.latentlm import LatentLM
from motet.recipes.pictures import PictureRecipe
from motet.recipes.study import LATENTS, LATENTS_BATCH

WIDTHS: Mapping[Scale, Mapping[str, int]] = {"full": {"small": 128, "large": 192}, "quick": {"small": 32}}
DOCUMENTS: Mapping[Scale, Mapping[str, float]] = {
    "full": {"short": 6e3, "long": 12e3},
    "quick": {"short": 100.0},
}
"""Seen by each run, repeats counted."""
ROWS = 16
"""In a step: half of what other claims have, so that the short runs have steps enough."""
NOISINGS = 2
"""Of a picture in a step, of either recipe."""
SETTINGS = [f"{size}-{length}" for size in ("small", "large") for length in ("short", "long")]


class LatentLMScaling(TrainedClaim):
    """Distance of pictures over size and length of training."""

    name: ClassVar[str] = "latentlm-scaling"
    statement: ClassVar[str] = (
        "At every size and length of training that was tried, next-token diffusion draws pictures nearer to the true "
        "ones than a diffusion transformer with as many parameters."
    )
    source: ClassVar[str] = "LatentLM, arXiv 2412.08635, the scaling experiments on ImageNet"
    published: ClassVar[tuple[str, ...]] = (
        "below DiT's FID at 455M, 1.03B, 1.82B and 3.68B parameters (a figure without numbers, as reported by others)",
        "ImageNet-256, with guidance: LatentLM-L 479M 2.24, DiT-XL/2 2.27 (as reported by others)",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "frechet": "Frechet distance of drawn pictures, on EfficientNet-Lite0 features",
        "frechet_codec": "the same of the codec's reconstructions",
        **JUDGED,
        "parameters/learned": "parameters of backbone, embeddings and heads",
        "spent/minutes": "minutes of training",
    }
    expected: ClassVar[Sequence[Expected]] = tuple(
        Expected("frechet", f"latentlm-{setting}", "lower", f"dit-{setting}") for setting in SETTINGS
    )
    plotted: ClassVar[Sequence[str]] = ("frechet", "judge")
    tried: ClassVar[tuple[str, ...]] = (
        "Tried before: each recipe as it came, LatentLM's head with four noisings of each latent and DiT with one of "
        "each picture, 10,000 and 20,000 documents, three seeds: 106, 92, 99 and 86 against 147, 117, 133 and 110, so "
        "that the claim held. It was a lead of noisings: DiT with four (one seed) came to 106, 83, 106 and 81, in "
        "2 to 6 minutes a run, 3.5 to 4.2 times LatentLM's.",
        "Tried: four noisings for both, 12,000 documents, the larger size (one seed): LatentLM 93 and 10 % of the "
        "judge's prompts after 0.9 minutes, DiT 96 and 27 % after 2.7.",
    )

    def comparisons(self, scale: Scale) -> list[Comparison]:
        return [
            Comparison(
                (
                    Arm(f"latentlm-{size}-{length}", "latentlm", _sized(_latentlm(scale), width)),
                    Arm(f"dit-{size}-{length}", "dit", _sized(_dit(scale), width)),
                ),
                DATA[scale],
                Allowance("samples", documents),
                CODECS[scale],
                SEEDS[scale],
                MEASURING[scale],
            )
            for size, width in WIDTHS[scale].items()
            for length, documents in DOCUMENTS[scale].items()
        ]


def _latentlm(scale: Scale) -> PictureRecipe:
    if scale == "quick":
        return replace(TINY_LATENTLM, text_first=1.0)
    own = replace(small(STUDY_LATENTLM), text_first=1.0, rows=ROWS)
    return replace(own, head=replace(own.head, draws=NOISINGS))


def _dit(scale: Scale) -> PictureRecipe:
    if scale == "quick":
        return TINY_DIT
    own = DiT(codec=LATENTS, codec_batch=LATENTS_BATCH, noising=Noising(shift=2.0, draws=NOISINGS))
    return replace(small(own), rows=ROWS)


def _sized(recipe: PictureRecipe, width: int) -> PictureRecipe:
    """The recipe with a backbone of that width; the width of a head follows where there is one of its own."""
    shape = recipe.backbone
    heads, ffn_dim = shape.n_heads * width // shape.dim, shape.ffn_dim * width // shape.dim
    recipe = replace(recipe, backbone=replace(shape, dim=width, n_heads=heads, ffn_dim=ffn_dim))
    if isinstance(recipe, LatentLM):
        recipe = replace(recipe, head=replace(recipe.head, width=width, ffn_dim=2 * width))
    return recipe
