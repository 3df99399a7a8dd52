"""LatentLM's speed: are pictures drawn faster than by a diffusion transformer over the whole picture?

Sun et al. 2024 (arXiv 2412.08635, section on ImageNet): a diffusion transformer passes all tokens through the whole
network at every solver step, LatentLM passes each token once and only the small head repeats. Both have equally many
parameters here, both solve in 20 steps under guidance, and both draw the same latents. Weights are fresh: speed does
not depend on what was learned. The two are timed by turns within a run, so that a machine's mood cancels in the ratio.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.config import to_dict
from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.evaluate.claims.arm_plots import arms_plot
from motet.evaluate.claims.claim import Claim, Job, Measured, Plot, RunRecord, Scale, Summary, Verdict
from motet.evaluate.compare.match import matched, sizes_of
from motet.generate import generate
from motet.heads.diffusion import DiffusionShape
from motet.nn.backbone import TransformerShape
from motet.pipeline import Pipeline
from motet.recipes.dit import TINY as TINY_DIT
from motet.recipes.dit import DiT
from motet.recipes.latentlm import TINY as TINY_LATENTLM
from motet.recipes.latentlm import LatentLM
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import initialised
from motet.request import Request, Sampling

_SAMPLING = Sampling(guidance=3.0, steps=20)
_CODEC = SigmaVaeShape(patch=4, channels=16, dim=32, n_layers=1, n_heads=2)
_BACKBONE = TransformerShape(dim=128, n_layers=12, n_heads=2, ffn_dim=336, rope_axes=(32, 0, 16, 16), qk_norm=True)


@dataclass(frozen=True)
class ThroughputSetting:
    """latentlm: the model of reference; dit gets as many parameters. batches: pictures drawn at once, an arm each."""

    latentlm: LatentLM
    dit: DiT
    batches: tuple[int, ...]
    seeds: tuple[int, ...]
    repeats: int
    data: str


SETTINGS: Mapping[Scale, ThroughputSetting] = {
    "full": ThroughputSetting(
        LatentLM(
            image_size=32,  # 64 latents; the paper's 256 take minutes for each batch here
            codec=_CODEC,
            backbone=_BACKBONE,
            head=DiffusionShape(width=128, n_layers=3, ffn_dim=256),
            doubt=0.0,
            sampling=_SAMPLING,
        ),
        DiT(image_size=32, codec=_CODEC, backbone=_BACKBONE, sampling=_SAMPLING),
        batches=(1, 16),
        seeds=(0, 1, 2),
        repeats=2,
        data="scenes:kind=caption,n=200",
    ),
    "quick": ThroughputSetting(
        replace(TINY_LATENTLM, sampling=replace(_SAMPLING, steps=2)),
        replace(TINY_DIT, sampling=replace(_SAMPLING, steps=2)),
        batches=(1, 2),
        seeds=(0,),
        repeats=1,
        data="scenes:kind=caption,n=40",
    ),
}


class LatentLMThroughput(Claim):
    """Pictures a second against a diffusion transformer of the same size."""

    name: ClassVar[str] = "latentlm-throughput"
    statement: ClassVar[str] = (
        "At equal parameters and 20 solver steps, next-token diffusion draws more pictures a second than a diffusion "
        "transformer, since only its small head repeats with the solver's steps."
    )
    source: ClassVar[str] = "LatentLM, arXiv 2412.08635, the comparison of inference speed on ImageNet"
    published: ClassVar[tuple[str, ...]] = (
        "3.8B parameters, batch 128, one H100: 2.47 times the pictures a second of DiT (as reported by others)",
        "1.82B parameters with grouped queries, batch 256: 2.84 times (as reported by others)",
    )
    rule: ClassVar[str] = (
        "HOLDS if the ratio of pictures a second, LatentLM to DiT, has a 95 % interval wholly above 1 in every arm. "
        "DOES NOT HOLD HERE if it is wholly below 1 in one of them. Else UNDECIDED."
    )
    tried: ClassVar[tuple[str, ...]] = (
        "Tried before, at 34 million parameters (12 blocks of width 384, a head of 3 layers of that width): 2.03 "
        "[1.49, 2.57] times as many pictures a second with sixteen at once, 0.51 [0.43, 0.60] with one alone; the "
        "verdict was 'does not hold here'. Today's model has as many blocks at a third of the width, so that it has "
        "the 1 to 3 million parameters of all other claims.",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "ratio": "pictures a second, LatentLM to DiT",
        "latentlm": "LatentLM, pictures a second",
        "dit": "DiT, pictures a second",
        "parameters": "parameters of LatentLM's backbone, embeddings and heads; DiT's are as many within 5 %",
    }

    def arms(self, scale: Scale) -> tuple[str, ...]:
        return tuple(f"batch-{batch}" for batch in SETTINGS[scale].batches)

    def seeds(self, scale: Scale) -> tuple[int, ...]:
        return SETTINGS[scale].seeds

    def setting(self, scale: Scale) -> dict[str, Any]:
        setting = SETTINGS[scale]
        return {
            "latentlm": to_dict(setting.latentlm),
            "dit": to_dict(setting.dit),
            "repeats": setting.repeats,
            "data": setting.data,
        }

    def run(self, job: Job) -> Measured | None:
        setting, batch = SETTINGS[job.scale], int(job.arm.removeprefix("batch-"))
        corpus = Corpus.of(open_source(setting.data), (setting.latentlm.image_size,) * 2)
        text = setting.latentlm.text_codec(corpus)
        size = sizes_of(setting.latentlm, text).learned
        recipes = {"latentlm": setting.latentlm, "dit": matched(setting.dit, text, size, label="dit")}
        made = {
            name: Pipeline(initialised(recipe, text, job.seed), setting.latentlm.sampling)
            for name, recipe in recipes.items()
        }
        prompts = [document.text for document in corpus.held_out.documents]
        seconds: dict[str, list[float]] = {name: [] for name in made}
        for repeat in range(setting.repeats + 1):
            for name, pipeline in made.items():
                asked = [tuple(pipeline.encode(prompts[i % len(prompts)])) for i in range(batch)]
                requests = [Request(one, IMAGE, seed=i, sampling=pipeline.sampling) for i, one in enumerate(asked)]
                began = time.perf_counter()
                generate(pipeline.model, requests, batch=batch)
                if repeat:  # the first one warms up
                    seconds[name].append(time.perf_counter() - began)
        rate = {name: batch / statistics.median(values) for name, values in seconds.items()}
        return Measured({"ratio": rate["latentlm"] / rate["dit"], **rate, "parameters": float(size)})

    def verdict(self, summary: Summary) -> Verdict:
        ratios = {arm: numbers["ratio"] for arm, numbers in summary.items()}
        reasons = tuple(
            f"{arm}: LatentLM draws {ratio} times as many pictures a second" for arm, ratio in ratios.items()
        )
        if all(ratio.low is not None and ratio.low > 1 for ratio in ratios.values()):
            return Verdict("holds", reasons)
        if any(ratio.high is not None and ratio.high < 1 for ratio in ratios.values()):
            return Verdict("does not hold here", reasons)
        return Verdict("undecided", reasons)

    def plots(self, runs: Sequence[RunRecord], summary: Summary, folder: Path) -> list[Plot]:
        panels = {name: self.measures[name] for name in ("ratio", "latentlm", "dit")}
        return [Plot("", "speed by pictures at once", arms_plot(list(summary), panels, runs), "Dots are seeds.")]
