"""Figures of a claim that compares arms: each measure by arm, and rows of drawn pictures."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from motet.evaluate.claims.claim import RunRecord
from motet.evaluate.compare.measuring import Shown
from motet.evaluate.over_seeds import over_seeds
from motet.evaluate.plots import COLOURS, svg

ENLARGED = 2
LETTERS = 46
"""About as many letters of a title as a panel is wide."""


def arms_plot(arms: Sequence[str], panels: Mapping[str, str], runs: Sequence[RunRecord]) -> str:
    """SVG: a panel for each measure (its name -> its words), an arm a column, seeds as dots, 95 % intervals as bars.

    Raises MissingExtra without matplotlib.
    """
    measured = {name for run in runs for name in run.numbers}
    panels = {name: words for name, words in panels.items() if name in measured}

    def draw(axes: Sequence[Any]) -> None:
        for number, (ax, name) in enumerate(zip(axes, panels, strict=True)):
            shown = [arm for arm in arms if any(name in run.numbers for run in runs if run.arm == arm)]
            for x, arm in enumerate(shown):
                _column(ax, x, [run.numbers[name] for run in runs if run.arm == arm], COLOURS[number % len(COLOURS)])
            turned = {"rotation": 30, "ha": "right"} if sum(len(arm) for arm in shown) > 30 else {}
            ax.set_xticks(range(len(shown)), shown, **turned)
            ax.set_xlim(-0.5, len(shown) - 0.5)
            ax.set_title(name if len(panels[name]) > LETTERS else panels[name])

    return svg(draw, len(panels))


def _column(ax: Any, x: int, values: Sequence[float], colour: str) -> None:
    mean = over_seeds(values)
    if mean.low is not None and mean.high is not None:
        ax.plot([x, x], [mean.low, mean.high], color=colour, linewidth=1.0, alpha=0.6)
    ax.plot([x - 0.18, x + 0.18], [mean.mean, mean.mean], color=colour, linewidth=1.8)
    ax.plot([x] * len(values), values, color=colour, linestyle="none", marker="o", markersize=2.8)


def drawn_rows(rows: Sequence[Shown]) -> bytes:
    """A PNG: the true pictures, and a row of drawn ones for each arm; one of other texts has its true ones above."""
    pictures: list[Tensor] = []
    for row, before in zip(rows, (None, *rows), strict=False):
        if before is None or not torch.equal(row.true, before.true):
            pictures.append(row.true)
        pictures.append(row.drawn)
    sheet = np.concatenate([np.concatenate(list(row.permute(0, 2, 3, 1).numpy()), axis=1) for row in pictures])
    out = BytesIO()
    whole = Image.fromarray(sheet)
    whole.resize((whole.width * ENLARGED, whole.height * ENLARGED), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()
