"""Fluid over sizes: does the held-out loss fall with the model's size, and do pictures follow the loss?

Fan et al. 2024 (arXiv 2410.13863): over 166M to 10.5B parameters the validation loss falls as a power law, and for
random order with continuous tokens FID and GenEval follow it. MAR's loss says little within a run, so only models at
the end of their training are compared here: three sizes, each of the same documents.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from motet.evaluate.claims.claim import Plot, RunRecord, Scale, Summary
from motet.evaluate.claims.correlation import correlated
from motet.evaluate.claims.expected import Expected
from motet.evaluate.claims.fluid_2x2 import compared, fluid
from motet.evaluate.claims.small import JUDGED
from motet.evaluate.claims.trained import TrainedClaim
from motet.evaluate.compare.plan import Arm, Comparison
from motet.evaluate.plots import COLOURS, svg

WIDTHS: Mapping[Scale, Mapping[str, int]] = {
    "full": {"small": 64, "medium": 128, "large": 192},
    "quick": {"small": 32, "medium": 48, "large": 64},
}
"""Of backbone and head: 0.4, 1.4 and 3 million parameters in full."""
DOCUMENTS: Mapping[Scale, int] = {"full": 42_000, "quick": 40}
"""Seen by each run, repeats counted."""
LOSS = "loss/image/text_first"
LEAST_LOSS = 0.005
"""The share that the loss must fall by from size to size; most of a flow's loss is noise that no model can predict."""


class FluidScale(TrainedClaim):
    """Held-out loss, and pictures, over the size of the model."""

    name: ClassVar[str] = "fluid-scale"
    statement: ClassVar[str] = (
        "With continuous tokens in random order, the held-out loss of larger models is lower, and their pictures are "
        "better, by their distance to the true ones and by the judge."
    )
    source: ClassVar[str] = "Fluid, arXiv 2410.13863, the scaling of the four variants"
    published: ClassVar[tuple[str, ...]] = (
        "Validation loss is a power law in size for all four variants; FID and GenEval follow only for random order "
        "with continuous tokens (third-party)",
        "Pearson's correlation of loss and FID .917, of loss and GenEval -.931 (third-party)",
        "COCO FID / GenEval: 369M 7.23 / .62, 665M 6.84 / .65, 1.1B 6.59 / .67, 3.1B 6.41 / .70, 10.5B 6.16 / .69 "
        "(third-party)",
    )
    measures: ClassVar[Mapping[str, str]] = {
        LOSS: "held-out loss of a picture behind its text",
        "frechet": "Frechet distance of drawn pictures, on EfficientNet-Lite0 features",
        "frechet_codec": "the same of the codec's reconstructions",
        **JUDGED,
        "parameters/learned": "parameters of backbone, embeddings and heads",
        "spent/minutes": "minutes of training",
    }
    expected: ClassVar[Sequence[Expected]] = (
        Expected(LOSS, "medium", "lower", "small", least=LEAST_LOSS),
        Expected(LOSS, "large", "lower", "medium", least=LEAST_LOSS),
        Expected("frechet", "medium", "lower", "small"),
        Expected("frechet", "large", "lower", "medium"),
        Expected("judge", "large", "higher", "small"),
    )
    plotted: ClassVar[Sequence[str]] = (LOSS, "frechet", "judge")
    tried: ClassVar[tuple[str, ...]] = (
        "Tried: up to four things in pictures of 36 tokens, 25,000 documents, one hidden set of a picture instead of "
        "two: losses .77, .60, .56, but distances 139, 126, 128 and a judge that finds nothing right in any size. So "
        "pictures follow the loss where the task is small enough for minutes.",
    )

    def comparisons(self, scale: Scale) -> list[Comparison]:
        return [
            compared([Arm(size, "fluid", fluid(scale, width))], scale, DOCUMENTS[scale])
            for size, width in WIDTHS[scale].items()
        ]

    def remarks(self, runs: Sequence[RunRecord]) -> tuple[str, ...]:
        loss = [run.numbers[LOSS] for run in runs]
        size = [math.log10(run.numbers["parameters/learned"]) for run in runs]
        told = [f"beside the rule, loss and the logarithm of the size: {correlated(size, loss)}"]
        for measure in ("frechet", "judge"):
            if all(measure in run.numbers for run in runs):
                values = [run.numbers[measure] for run in runs]
                told.append(f"beside the rule, loss and {measure}: {correlated(loss, values)}")
        return tuple(told)

    def plots(self, runs: Sequence[RunRecord], summary: Summary, folder: Path) -> list[Plot]:
        note = "A dot a run; colours are sizes."
        plot = Plot("-loss", "pictures against the loss", against_loss(runs, list(summary)), note)
        return [*super().plots(runs, summary, folder), plot]


def against_loss(runs: Sequence[RunRecord], sizes: Sequence[str]) -> str:
    """SVG: Frechet distance and judge's score of each run over its loss. Raises MissingExtra without matplotlib."""

    def draw(axes: Sequence[Any]) -> None:
        for ax, measure in zip(axes, ("frechet", "judge"), strict=True):
            for size, colour in zip(sizes, COLOURS, strict=False):
                some = [run.numbers for run in runs if run.arm == size and measure in run.numbers]
                x, y = [one[LOSS] for one in some], [one[measure] for one in some]
                ax.plot(x, y, color=colour, linestyle="none", marker="o", markersize=4, label=size)
            ax.set_title(measure)
            ax.set_xlabel("held-out loss")
        axes[0].legend()

    return svg(draw, 2)
