"""Held-out losses over time: a panel for each loss, a colour for each arm, a line for each seed."""

from collections.abc import Sequence
from typing import Any

from motet.evaluate.compare.run_one import RunRecord
from motet.evaluate.plots import svg

PALETTE = (
    *("#7c5cff", "#e8590c", "#0ca678", "#d6336c", "#1c7ed6"),
    *("#b08900", "#868e96", "#74b816", "#9c36b5", "#0b7285"),
)


def learning_curves(records: Sequence[RunRecord], arms: Sequence[str]) -> str | None:
    """SVG of every held-out number taken in training; None without any. Raises MissingExtra without matplotlib."""
    panels = list(dict.fromkeys(curve.name for record in records for curve in record.curves))
    if not panels:
        return None

    def draw(axes: Sequence[Any]) -> None:
        for ax, panel in zip(axes, panels, strict=True):
            for number, arm in enumerate(arms):
                colour = PALETTE[number % len(PALETTE)]
                curves = [c for r in records if r.arm == arm for c in r.curves if c.name == panel]
                for seed, curve in enumerate(curves):
                    label = arm if seed == 0 else None
                    ax.plot(
                        curve.minutes, curve.values, color=colour, linewidth=1.1, marker="o", markersize=2, label=label
                    )
            ax.set_title(panel.replace("/", ", ").replace("_", " "))
            ax.set_xlabel("minutes")
            _logarithmic(ax)
        axes[0].legend(ncols=2, loc="upper right")

    return svg(draw, len(panels))


def _logarithmic(ax: Any) -> None:
    """A first loss that is many times the others, or an arm whose losses are small, would else flatten all curves."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    if min((value for line in ax.lines for value in line.get_ydata()), default=0.0) <= 0.0:
        return
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
