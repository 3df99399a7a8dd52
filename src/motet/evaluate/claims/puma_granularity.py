"""PUMA's granularity: how many tokens a picture has, against what is drawn from them and what they tell.

Fang et al. 2024 (arXiv 2410.13861, the comparisons of scales): from one token a decoder draws many pictures, from
256 nearly the encoded one; and a model that reads one scale alone answers worse the coarser that is.

The claim is about features and their decoder, so no language model is trained: each seed trains PUMA's encoder and its
decoder once, and the scales of that one pyramid are the arms. Every picture is drawn twice from the features of its
scale, from other noise. How different two pictures are is told in pixels and, since PSNR between two drawings was not
monotone in the paper where LPIPS was, by a perceptual distance: here of EfficientNet-Lite0 features at three depths.
What a scale tells is asked by probes (scale_probe.py says why).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from motet.codecs.feature_decoder import FeatureDecoderShape
from motet.codecs.features import FeaturesShape
from motet.codecs.perceptual import Perceptual
from motet.codecs.pixels import to_bytes
from motet.codecs.pyramid import Pyramid
from motet.config import override, to_dict
from motet.data.corpus import Corpus
from motet.data.loader import document_rng
from motet.data.source import open_source
from motet.evaluate.claims.arm_plots import arms_plot, drawn_rows
from motet.evaluate.claims.claim import Claim, Job, Measured, Plot, RunRecord, Scale, Summary, Verdict
from motet.evaluate.claims.expected import Below, Expectation, Expected, rule_of, verdict_of
from motet.evaluate.claims.scale_probe import probe, probe_scenes
from motet.evaluate.claims.small import LATTICE, LEAST_DB, SEEDS, brief, small
from motet.evaluate.compare.measuring import Shown
from motet.evaluate.compare.plan import without_previews
from motet.evaluate.compare.prepare import Workshop, prepared
from motet.evaluate.compare.run_one import load_shown, save_shown
from motet.evaluate.reconstruction import psnr
from motet.model import Model
from motet.recipes.feature_pictures import pyramid_of
from motet.recipes.puma import PUMA, TINY
from motet.recipes.recipe import initialised
from motet.recipes.run import best_device
from motet.recipes.study import SIDE
from motet.recipes.trained_codecs import put_codecs
from motet.train.settings import Budget

AT_ONCE = 64
AGAIN = "again"
"""Folder of the second drawings."""
TWICE = (101, 102)
"""Seeds of the noise of the two drawings; training draws from others."""


@dataclass(frozen=True)
class GranularitySetting:
    """What all runs share. codecs: of the encoder's stage and of the decoder's. drawn: held-out pictures."""

    recipe: PUMA
    data: str
    alone: str
    pairs: str
    codecs: Budget
    drawn: int
    shown: int
    seeds: tuple[int, ...]

    @property
    def arms(self) -> dict[str, int]:
        """By name, the number of the scale."""
        sizes = self.recipe.order().scales.sizes(self.recipe.grid(self.recipe.features.patch))
        return {f"tokens-{n}": scale for scale, n in enumerate(sizes)}


_FULL = replace(
    small(PUMA()),
    features=FeaturesShape(patch=4, dim=96, n_layers=3, n_heads=3),
    decoder=FeatureDecoderShape(dim=128, n_layers=3, n_heads=4, steps=12),
    factors=(8, 4, 2, 1),
    contrast_batch=128,
    codec_batch=64,
)
SETTINGS: Mapping[Scale, GranularitySetting] = {
    "full": GranularitySetting(
        override(_FULL, brief("contrast_training", "codec_training")),
        data=f"scenes:kind=caption,level=1-3,size={SIDE},lattice={LATTICE}",
        alone=f"scenes:kind=caption,level=1,size={SIDE},lattice={LATTICE},n=2500,seed=1",
        pairs=f"scenes:kind=caption,level=3,size={SIDE},lattice={LATTICE},n=4000,seed=1",
        codecs=Budget(steps=800),
        drawn=96,
        shown=12,
        seeds=SEEDS["full"],
    ),
    "quick": GranularitySetting(
        replace(TINY, image_size=32, factors=(4, 2, 1), alphas=(1.0, 1.0, 1.0)),
        data="scenes:kind=caption,level=1-3,size=32,n=60",
        alone="scenes:kind=caption,level=1,size=32,n=60,seed=1",
        pairs="scenes:kind=caption,level=3,size=32,n=60,seed=1",
        codecs=Budget(steps=2),
        drawn=3,
        shown=2,
        seeds=SEEDS["quick"],
    ),
}


class PUMAGranularity(Claim):
    """Fidelity, variety and what is told, by the number of tokens."""

    name: ClassVar[str] = "puma-granularity"
    statement: ClassVar[str] = (
        "The number of feature tokens of a picture trades variety for fidelity: the more there are, the nearer a "
        "drawing comes to the encoded picture, and the less two drawings of the same features differ. Where things "
        "stand is told by fine scales and not by coarse ones: here to linear probes of the features, where the paper "
        "asks a language model."
    )
    source: ClassVar[str] = "PUMA, arXiv 2410.13861, the comparisons of scales by reconstruction and by understanding"
    published: ClassVar[tuple[str, ...]] = (
        "1, 4, 16, 64, 256 tokens (from the paper): PSNR to the true picture 10.76, 11.04, 12.35, 13.26, 18.16; LPIPS "
        ".6481, .5971, .4992, .4325, .2215",
        "Two drawings of one picture (from the paper): LPIPS .5751, .5329, .4354, .3631, .1559, the more the more "
        "varied; PSNR 12.82, 12.61, 13.50, 14.12, 19.36, not monotone, so variety is judged by the distance",
        "A model that reads one scale alone (from the paper): MMB 56.8, 58.3, 61.5, 63.6, 65.4; VQAv2 64.1, 67.0, "
        "71.1, 74.4, 76.9; GQA 0.0, 0.0, 46.6, 58.4, 58.8, whose zeros may be a failure of its evaluation (unverified)",
        "Expected here: probes of places and relations fail at 4 tokens and fewer",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "psnr": "PSNR in dB of drawings to their true pictures, which are held out",
        "distance": "perceptual distance of drawings to their true pictures",
        "again_psnr": "PSNR in dB between two drawings of one picture's features",
        "variety": "perceptual distance between two drawings of one picture's features",
        "place": "share of pictures of which a linear probe tells in which cell of 3 x 3 the one thing stands",
        "relation": "share of pairs of things of which a linear probe tells how they stand: left, right, above, below",
        "colour": "share of things whose colour a linear probe tells, which asks for no place",
    }
    expected: ClassVar[Sequence[Expectation]] = (
        Expected("psnr", "tokens-4", "higher", "tokens-1", least=LEAST_DB),
        Expected("psnr", "tokens-16", "higher", "tokens-4", least=LEAST_DB),
        Expected("psnr", "tokens-64", "higher", "tokens-16", least=LEAST_DB),
        Expected("variety", "tokens-4", "lower", "tokens-1"),
        Expected("variety", "tokens-16", "lower", "tokens-4"),
        Expected("variety", "tokens-64", "lower", "tokens-16"),
        Below("relation", "tokens-1", 0.5),
        Below("relation", "tokens-4", 0.5),
        Below("place", "tokens-1", 0.5),
        Below("place", "tokens-4", 0.5),
        Expected("relation", "tokens-16", "higher", "tokens-4"),
        Expected("relation", "tokens-64", "higher", "tokens-1"),
        Expected("place", "tokens-16", "higher", "tokens-4"),
        Expected("place", "tokens-64", "higher", "tokens-1"),
    )
    rule: ClassVar[str] = rule_of(expected)
    tried: ClassVar[tuple[str, ...]] = (
        "Suspected, not tried: coarse features are means over patches of an encoder that attends everywhere, knows "
        "where each patch stands, and was trained to tell captions apart, of which some name relations. So a mean may "
        "well say where its things stand, and a linear probe asks for less than a drawing or an answer does.",
    )

    def arms(self, scale: Scale) -> list[str]:
        return list(SETTINGS[scale].arms)

    def seeds(self, scale: Scale) -> tuple[int, ...]:
        return SETTINGS[scale].seeds

    def setting(self, scale: Scale) -> dict[str, Any]:
        return to_dict(SETTINGS[scale])

    def run(self, job: Job) -> Measured | None:
        setting = SETTINGS[job.scale]
        side = setting.recipe.image_size
        corpus = Corpus.of(open_source(setting.data), (side, side))
        model = _trained(setting, corpus, job)
        if model is None:
            return None
        pyramid, scale = pyramid_of(model), setting.arms[job.arm]
        job.console.print("  drawing, and asking the probes")
        true = corpus.held_out.pixels.batch(range(min(setting.drawn, len(corpus.held_out.pixels))))
        one, other = (drawings(pyramid, true, scale, seed=seed) for seed in TWICE)
        for made, folder in ((one, job.folder), (other, job.folder / AGAIN)):
            folder.mkdir(exist_ok=True)
            save_shown(Shown((), to_bytes(made[: setting.shown]), to_bytes(true[: setting.shown])), folder)
        probes = probe_scenes(setting.alone, setting.pairs, side)
        told = probe(pyramid.features, pyramid.scales.factors[scale], probes)
        return Measured(differences(true, one, other) | told)

    def verdict(self, summary: Summary) -> Verdict:
        return verdict_of(self.expected, summary)

    def plots(self, runs: Sequence[RunRecord], summary: Summary, folder: Path) -> list[Plot]:
        arms, panels = list(summary), {name: name.replace("_", " ") for name in self.measures if name != "distance"}
        seed = min(run.seed for run in runs)
        found = [
            load_shown([], where)
            for arm in arms
            for where in (_run(folder, arm, seed), _run(folder, arm, seed) / AGAIN)
        ]
        rows = [row for row in found if row is not None]
        plots = [Plot("", "measures by tokens", arms_plot(arms, panels, runs), "Dots are seeds, bars 95 % intervals.")]
        if len(rows) == 2 * len(arms):
            note = f"First row: held-out pictures. Below, two drawings of each, seed {seed}, from {', '.join(arms)}."
            plots.append(Plot("-samples", "two drawings of each picture's features", drawn_rows(rows), note))
        return plots


def _run(folder: Path, arm: str, seed: int) -> Path:
    return folder / f"{arm}-{seed}"


def _trained(setting: GranularitySetting, corpus: Corpus, job: Job) -> Model | None:
    """The encoder and the decoder of a seed, trained once for all of its arms; None if that was interrupted."""
    recipe = without_previews(setting.recipe)
    out = job.folder.parent
    tokenizer = out / "tokenizer.json"
    if not tokenizer.is_file():
        recipe.text_codec(corpus).save(tokenizer)
    text = recipe.open_text(tokenizer)
    files = prepared(recipe, text, Workshop(out / "codecs", setting.codecs, corpus, job.console, job.seed))
    if files is None:
        return None
    model = initialised(recipe, text, job.seed).to(best_device()).eval()
    for path in files.values():
        put_codecs(model, path)
    return model


def drawings(pyramid: Pyramid, true: Float[Tensor, "n 3 y x"], scale: int, *, seed: int) -> Float[Tensor, "n 3 y x"]:
    """A picture drawn from one scale of each picture's features; number i out of the noise of (seed, i)."""
    assert pyramid.decoder is not None
    grid, made = pyramid.grid_of(true.shape[2], true.shape[3]), []
    for start in range(0, len(true), AT_ONCE):
        some = true[start : start + AT_ONCE].to(pyramid.features.bias.device)
        noise = torch.cat([pyramid.decoder.noise(1, grid, document_rng(seed, start + i)) for i in range(len(some))])
        made.append(pyramid.paint(pyramid.encode_pixels(some), grid, noise, scale=scale).cpu())
    return torch.cat(made)


def differences(
    true: Float[Tensor, "n 3 y x"], one: Float[Tensor, "n 3 y x"], other: Float[Tensor, "n 3 y x"]
) -> dict[str, float]:
    """``psnr`` and ``distance`` of the first drawings to the true pictures; ``again_psnr``, ``variety`` of both."""
    perceptual = Perceptual()
    with torch.no_grad():
        return {
            "psnr": float(psnr(to_bytes(one), to_bytes(true)).mean()),
            "distance": float(perceptual(one, true)),
            "again_psnr": float(psnr(to_bytes(one), to_bytes(other)).mean()),
            "variety": float(perceptual(one, other)),
        }
