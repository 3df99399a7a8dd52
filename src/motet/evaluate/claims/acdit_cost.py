"""ACDiT's cost formula: is the time that blocks save against full-sequence diffusion what the formula says?

Hu et al. 2024 (arXiv 2412.07720): a denoising step over L tokens costs a layer of theta parameters and width h

    in one block       2 L theta + 4 h L^2
    in blocks of B     2 L theta + 2 h L^2 + 2 h L B         each block sees itself and the clean ones before it

operations, so blocks save the share ``(1 - B/L) / (2 + theta/(h L))``, which grows with the sequence towards a half.
Both are the same recipe here, with the same fresh weights: speed does not depend on what was learned. One picture is
drawn at a time, without guidance. All are timed by turns within a run, so that a machine's mood cancels in the ratio.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.codecs.text import TextCodec
from motet.config import to_dict
from motet.evaluate.claims.claim import Claim, Job, Measured, Plot, RunRecord, Scale, Summary, Verdict
from motet.evaluate.over_seeds import OverSeeds
from motet.evaluate.plots import COLOURS, INK, svg
from motet.generate import generate
from motet.model import TEXT, Model
from motet.nn.backbone import TransformerShape
from motet.recipes.acdit import ACDiT
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import initialised
from motet.request import Request, Sampling
from motet.sequence import Segment

TOLERANCE = 0.10
"""How far the share of time that is saved may lie from the formula's."""
BLOCKS = (4, 16)
"""Numbers of blocks that are compared with one."""
PROMPT = "a large green square"


@dataclass(frozen=True)
class CostSetting:
    """sides: of the square grids of tokens, an arm each. repeats: timings of each, of which the median counts."""

    recipe: ACDiT
    sides: tuple[int, ...]
    seeds: tuple[int, ...]
    repeats: int


_RECIPE = ACDiT(
    codec=SigmaVaeShape(patch=8, channels=16, dim=32, n_layers=1, n_heads=2),
    backbone=TransformerShape(dim=192, n_layers=4, n_heads=3, ffn_dim=512, rope_axes=(32, 0, 16, 16), qk_norm=True),
    sampling=Sampling(guidance=1.0, steps=5),
)

SETTINGS: Mapping[Scale, CostSetting] = {
    "full": CostSetting(_RECIPE, sides=(4, 8, 16, 32, 64), seeds=tuple(range(8)), repeats=5),
    "quick": CostSetting(
        replace(
            _RECIPE,
            backbone=TransformerShape(dim=32, n_layers=1, n_heads=2, ffn_dim=64, rope_axes=(8, 0, 4, 4)),
            sampling=Sampling(guidance=1.0, steps=1),
        ),
        sides=(4, 8),
        seeds=(0,),
        repeats=1,
    ),
}


class ACDiTCost(Claim):
    """Time of sampling against the cost formula, over the length of the sequence."""

    name: ClassVar[str] = "acdit-cost"
    statement: ClassVar[str] = (
        "Drawing block by block saves computing against full-sequence diffusion, since blocks attend to less and the "
        "clean ones are cached: the share (1 - B/L) / (2 + theta/(hL)), which grows with the sequence up to a half."
    )
    source: ClassVar[str] = "ACDiT, arXiv 2412.07720, the analysis of efficiency"
    published: ClassVar[tuple[str, ...]] = (
        "the formula, with theta the parameters of a layer and h its width; at most 50 % (from the paper)",
        "at width 768 and theta = 12 h^2: 1,024 tokens in 4 blocks 6.8 %, 4,096 in 4 17.6 %, 16k in 16 36.6 %, 64k in "
        "16 43.8 % (computed from it)",
        "an A100 draws a picture in 2.29 s and a video of 4,096 tokens in 4.08 s with ACDiT-L (from the paper; no time "
        "of a full-sequence model beside them)",
    )
    rule: ClassVar[str] = (
        "Saving is 1 - time in blocks / time in one block, for 4 and for 16 blocks. HOLDS if for both, at the longest "
        f"sequence, its 95 % interval lies within {TOLERANCE:.2f} of the formula, and wholly above that at the "
        "shortest. DOES NOT HOLD HERE if for one of them the interval at the longest lies wholly more than "
        f"{TOLERANCE:.2f} from the formula, to either side, or wholly below that at the shortest. Else UNDECIDED. At "
        "short sequences many small passes may cost more time than one large one, which the formula does not count: "
        "they decide nothing else."
    )
    measures: ClassVar[Mapping[str, str]] = {
        "saving_4": "share of time that 4 blocks save against one",
        "formula_4": "the same by the formula",
        "saving_16": "share of time that 16 blocks save against one",
        "formula_16": "the same by the formula",
        "seconds_1": "seconds to draw a picture in one block",
        "seconds_4": "in 4 blocks",
        "seconds_16": "in 16 blocks",
    }
    tried: ClassVar[tuple[str, ...]] = (
        "Three seeds of an earlier commit, on another day: undecided. At 4,096 tokens 4 blocks saved 23 % [16, 30] "
        "and 16 blocks 19 % [5, 32]. Timings are steadier here: of these runs the first three seeds alone would "
        "decide alike. An earlier sampler, which paid a pass for a clean copy of the whole picture that nobody "
        "read, had shown 37 and 32 %.",
    )

    def arms(self, scale: Scale) -> tuple[str, ...]:
        return tuple(_arm(side) for side in SETTINGS[scale].sides)

    def seeds(self, scale: Scale) -> tuple[int, ...]:
        return SETTINGS[scale].seeds

    def setting(self, scale: Scale) -> dict[str, Any]:
        setting = SETTINGS[scale]
        return {**asdict(setting), "recipe": to_dict(setting.recipe), "blocks": list(BLOCKS)}

    def run(self, job: Job) -> Measured:
        setting = SETTINGS[job.scale]
        side = next(side for side in setting.sides if _arm(side) == job.arm)
        seconds = {n: statistics.median(values) for n, values in timed(setting, side, job.seed).items()}
        numbers = {f"seconds_{n}": value for n, value in seconds.items()}
        for n in BLOCKS:
            numbers[f"saving_{n}"] = 1 - seconds[n] / seconds[1]
            numbers[f"formula_{n}"] = saved(setting.recipe.backbone, side**2, side**2 // n)
        return Measured(numbers)

    def verdict(self, summary: Summary) -> Verdict:
        return cost_verdict(summary)

    def plots(self, runs: Sequence[RunRecord], summary: Summary, folder: Path) -> list[Plot]:
        note = "Dots are seeds, solid lines means, dashed lines the formula."
        return [Plot("", "time and saving by length", cost_plot(runs, summary), note)]


def saved(shape: TransformerShape, length: int, block: int) -> float:
    """The formula: the share of a denoising step that blocks of ``block`` of ``length`` tokens save."""
    theta = 2 * shape.dim * shape.channels_per_head * (shape.n_heads + (shape.n_kv_heads or shape.n_heads))
    theta += 3 * shape.dim * shape.ffn_dim
    return (1 - block / length) / (2 + theta / (shape.dim * length))


def timed(setting: CostSetting, side: int, seed: int) -> dict[int, list[float]]:
    """Seconds for a picture of ``side`` x ``side`` tokens, by the number of blocks; 1 is full-sequence diffusion."""
    text = TextCodec.learn([PROMPT], 320, [IMAGE])
    sized = replace(setting.recipe, image_size=side * setting.recipe.codec.patch)
    models = {
        n: initialised(replace(sized, block=side**2 // n), text, seed).eval().requires_grad_(False)
        for n in (1, *BLOCKS)
    }
    seconds: dict[int, list[float]] = {n: [] for n in models}
    for repeat in range(setting.repeats + 1):
        for n, model in models.items():
            request = _request(model, side, setting.recipe.sampling)
            began = time.perf_counter()
            generate(model, [request])
            if repeat:  # the first one warms up
                seconds[n].append(time.perf_counter() - began)
    return seconds


def cost_verdict(summary: Summary) -> Verdict:
    """The rule of the claim."""
    by_length = sorted(summary, key=_length)
    shortest, longest = summary[by_length[0]], summary[by_length[-1]]
    reasons, agree, refuted = [], True, False
    for n in BLOCKS:
        told = [f"{_length(arm)} tokens {_share(summary[arm], n)}" for arm in by_length]
        reasons.append(f"{n} blocks save (formula): {', '.join(told)}")
        least, most, saving = shortest[f"saving_{n}"], longest[f"saving_{n}"], longest[f"formula_{n}"].mean
        if most.low is None or most.high is None:
            agree = False
            reasons.append("one seed decides nothing")
            continue
        agree &= saving - TOLERANCE <= most.low and most.high <= saving + TOLERANCE and least.below(most)
        for which, far in (("more", most.low > saving + TOLERANCE), ("less", most.high < saving - TOLERANCE)):
            if far:
                refuted = True
                reasons.append(
                    f"{n} blocks save {which} than the formula says at the longest sequence, beyond tolerance"
                )
        if most.below(least):
            refuted = True
            reasons.append(f"{n} blocks save less at the longest sequence than at the shortest")
    return Verdict("does not hold here" if refuted else "holds" if agree else "undecided", tuple(reasons))


def cost_plot(runs: Sequence[RunRecord], summary: Summary) -> str:
    """SVG: seconds a picture and the share of time saved, over tokens. Raises MissingExtra without matplotlib."""
    arms = sorted(summary, key=_length)
    lengths = [_length(arm) for arm in arms]

    def draw(axes: Sequence[Any]) -> None:
        for n, colour in zip((1, *BLOCKS), (INK, *COLOURS), strict=False):
            _line(axes[0], runs, summary, f"seconds_{n}", colour, "one block" if n == 1 else f"{n} blocks")
            if n > 1:
                _line(axes[1], runs, summary, f"saving_{n}", colour, f"{n} blocks")
                formula = [100 * summary[arm][f"formula_{n}"].mean for arm in arms]
                axes[1].plot(lengths, formula, color=colour, linewidth=1.0, linestyle="--")
        axes[0].set_yscale("log")
        axes[1].set_ylim(bottom=-100, top=60)
        for ax, title in zip(axes, ("seconds a picture", "time saved against one block, %"), strict=True):
            ax.set_xscale("log", base=4)
            ax.set_xticks(lengths, [f"{length:,}" for length in lengths])
            ax.set_xlabel("tokens")
            ax.set_title(title)
            ax.legend()

    return svg(draw, 2)


def _line(ax: Any, runs: Sequence[RunRecord], summary: Summary, measure: str, colour: str, label: str) -> None:
    scale = 100 if measure.startswith("saving") else 1
    arms = sorted(summary, key=_length)
    means = [scale * summary[arm][measure].mean for arm in arms]
    ax.plot([_length(arm) for arm in arms], means, color=colour, linewidth=1.4, label=label)
    dots = [(_length(run.arm), scale * run.numbers[measure]) for run in runs]
    ax.plot(*zip(*dots, strict=True), color=colour, linestyle="none", marker="o", markersize=2.6)


def _request(model: Model, side: int, sampling: Sampling) -> Request:
    prompt = Segment(TEXT, model.text.encode(PROMPT)[0], learn=False)
    return Request((prompt,), IMAGE, (side, side), seed=0, sampling=sampling)


def _share(numbers: Mapping[str, OverSeeds], n: int) -> str:
    saving = numbers[f"saving_{n}"]
    told = f"{100 * saving.mean:.0f} %"
    if saving.low is not None and saving.high is not None:
        told += f" [{100 * saving.low:.0f}, {100 * saving.high:.0f}]"
    return f"{told} ({100 * numbers[f'formula_{n}'].mean:.1f} %)"


def _arm(side: int) -> str:
    return f"tokens-{side**2}"


def _length(arm: str) -> int:
    return int(arm.removeprefix("tokens-"))
