"""The figures of the claim on sigma: measures by sigma, drift by position, and samples."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from motet.evaluate.claims.claim import RunRecord, Summary
from motet.evaluate.plots import COLOURS, svg

ENLARGED = 2

# Panel title, and the measures drawn in it with their names in the legend.
_BY_SIGMA: Sequence[tuple[str, Mapping[str, str]]] = (
    (
        "Frechet distance (lower is better)",
        {"frechet": "free-running", "frechet_one_step": "one step ahead", "frechet_codec": "codec alone"},
    ),
    ("true picture is nearest (share)", {"top1_trained": "trained names", "top1_held_out": "held-out names"}),
    ("drift, free-running to one step ahead", {"drift_pixels": "decoded pixels", "drift_latents": "latents"}),
)
_BY_POSITION = (
    ("length of latents, free / one step", "latents_free_norm", "latents_one_step_norm"),
    ("spread of latents, free / one step", "latents_free_std", "latents_one_step_std"),
    ("spread of pixels, free / one step", "pixels_free_std", "pixels_one_step_std"),
)


def sigma_plot(arms: Mapping[str, str], runs: Sequence[RunRecord], summary: Summary) -> str:
    """SVG: measures by sigma with 95 % intervals and seeds as dots; ratios by position, one line an arm.

    ``arms``: the label of each arm. Raises MissingExtra without matplotlib.
    """

    def draw(axes: Sequence[Any]) -> None:
        for ax, (title, measures) in zip(axes[:3], _BY_SIGMA, strict=True):
            for colour, (measure, label) in zip(COLOURS, measures.items(), strict=False):
                _by_sigma(ax, list(arms), runs, summary, measure, label=label, colour=colour)
            ax.set_xticks(range(len(arms)), list(arms.values()))
            ax.set_ylim(bottom=0)
            ax.set_title(title)
            ax.set_xlabel("sigma")
            ax.legend()
        for ax, (title, free, one_step) in zip(axes[3:], _BY_POSITION, strict=True):
            for colour, (arm, label) in zip(COLOURS, arms.items(), strict=False):
                values = _ratio([run for run in runs if run.arm == arm], free, one_step)
                ax.plot(range(len(values)), values, color=colour, linewidth=1.4, label=f"sigma {label}")
            ax.axhline(1.0, linewidth=0.6, color="gray")
            ax.set_title(title)
            ax.set_xlabel("position in the picture")
        axes[3].legend()

    return svg(draw, 6, width=3.6)


def sample_rows(files: Sequence[Path]) -> bytes:
    """A PNG: the first file's row of true pictures, then each file's row of samples."""
    pictures = [Image.open(file).convert("RGB") for file in files]
    width, half = pictures[0].width, pictures[0].height // 2
    sheet = Image.new("RGB", (width, half * (len(pictures) + 1)))
    sheet.paste(pictures[0].crop((0, 0, width, half)), (0, 0))
    for row, picture in enumerate(pictures, start=1):
        sheet.paste(picture.crop((0, half, width, 2 * half)), (0, row * half))
    out = BytesIO()
    sheet.resize((sheet.width * ENLARGED, sheet.height * ENLARGED), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def _by_sigma(
    ax: Any,
    arms: Sequence[str],
    runs: Sequence[RunRecord],
    summary: Summary,
    measure: str,
    *,
    label: str,
    colour: str,
) -> None:
    values = [summary[arm][measure] for arm in arms]
    ax.plot(range(len(arms)), [value.mean for value in values], color=colour, linewidth=1.4, label=label)
    for x, (arm, value) in enumerate(zip(arms, values, strict=True)):
        if value.low is not None and value.high is not None:
            ax.plot([x, x], [value.low, value.high], color=colour, linewidth=0.9, alpha=0.6)
        seeds = [run.numbers[measure] for run in runs if run.arm == arm]
        ax.plot([x] * len(seeds), seeds, color=colour, linestyle="none", marker="o", markersize=2.4)


def _ratio(runs: Sequence[RunRecord], free: str, one_step: str) -> list[float]:
    """The mean over runs, position by position."""
    ratios = [[a / b for a, b in zip(run.curves[free], run.curves[one_step], strict=True)] for run in runs]
    return [sum(column) / len(column) for column in zip(*ratios, strict=True)]
