"""Plots as SVG text for a page: learning curves of a run, and latent drift.

They are transparent and drawn in `currentColor`, so they are as legible on a dark page as on a light one.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from typing import Any

from motet.errors import DataError
from motet.evaluate.drift import Curve, Drift
from motet.evaluate.log import Series, read_log, series
from motet.evaluate.optional import optional
from motet.types import PathLike

INK = "#010203"  # no one's choice of colour: it stands for the page's own until the SVG is written
COLOURS = ("#7c5cff", "#e8590c", "#0ca678", "#d6336c", "#1c7ed6", "#b08900")
WIDTH = 9.3  # inches, of all panels in a row together, so that letters have one size in every figure
HEIGHT = {1: 2.8, 2: 2.4, 3: 2.1}  # inches of a panel, by the number in a row
MOST_POINTS = 600  # a panel is some 300 pixels wide; more points only make the page heavy
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "motet",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.18,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    **{key: INK for key in ("axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "grid.color")},
    **{key: INK for key in ("text.color", "xtick.color", "ytick.color")},
}


def learning_curves(path: PathLike) -> str:
    """One small panel per loss and stage of the run's `log.jsonl`, over minutes: raw in light, smoothed in full.

    A held-out metric with the name of a loss is drawn as dots into its panel; other metrics get panels of their own.
    Raises DataError if the log has no line of training, MissingExtra without matplotlib.
    """
    records = read_log(path)
    losses = series(records, event="train", field="losses")
    if not losses:
        raise DataError(f"{str(path)!r} has no training steps yet; let the run go on for a while")
    metrics = {(s.stage, s.name): s for s in series(records, event="eval", field="metrics")}
    stages = list(dict.fromkeys(s.stage for s in losses))
    own = [s for key, s in metrics.items() if key not in {(x.stage, x.name) for x in losses}]
    order = {stage: i for i, stage in enumerate(stages)}
    panels = sorted([*losses, *own], key=lambda s: order.get(s.stage, len(order)))  # stable: losses before metrics

    def draw(axes: Sequence[Any]) -> None:
        for ax, one in zip(axes, panels, strict=True):
            colour = COLOURS[order.get(one.stage, len(order)) % len(COLOURS)]
            if one in own:
                _curve(ax, one, colour, label="held out")
            else:
                _loss(ax, one, colour, held_out=metrics.get((one.stage, one.name)))
            ax.set_title(f"{one.stage}: {one.name}")
            ax.set_xlabel("minutes")

    return svg(draw, len(panels))


def drift_plot(drift: Drift) -> str:
    """Norm and spread of latents by position: true, one step ahead, free-running.

    Raises MissingExtra without matplotlib.
    """
    curves: list[tuple[str, Curve, str]] = [("true", drift.true, INK)]
    if drift.one_step is not None:
        curves.append(("one step ahead", drift.one_step, COLOURS[2]))
    curves.append(("free-running", drift.free, COLOURS[0]))

    def draw(axes: Sequence[Any]) -> None:
        for ax, what, title in zip(axes, ("norm", "std"), ("length of a latent", "spread over pictures"), strict=True):
            for name, curve, colour in curves:
                values = getattr(curve, what).tolist()
                ax.plot(range(len(values)), values, color=colour, linewidth=1.4, label=name)
            ax.set_title(title)
            ax.set_xlabel("position in the picture")
            ax.set_ylim(bottom=0)
        axes[0].legend(loc="lower left")

    return svg(draw, 2)


def smooth(values: Sequence[float]) -> list[float]:
    """Means over a fortieth of the values around each, and over fewer near the ends.

    The window is centred, as a trailing mean would draw a falling loss above itself and so above the held-out one.
    """
    half, last = len(values) // 80, len(values) - 1
    reach = [min(half, i, last - i) for i in range(len(values))]
    return [sum(values[i - r : i + r + 1]) / (2 * r + 1) for i, r in enumerate(reach)]


def _loss(ax: Any, one: Series, colour: str, *, held_out: Series | None) -> None:
    every = math.ceil(len(one.values) / MOST_POINTS)
    soft = smooth(one.values)
    ax.plot(one.minutes[::every], one.values[::every], color=colour, alpha=0.25, linewidth=0.7)
    ax.plot(one.minutes[::every], soft[::every], color=colour, linewidth=1.5, label="training")
    _scale(ax, one.values)
    if held_out is not None:
        _curve(ax, held_out, INK, label="held out")
        ax.legend(loc="upper right")


def _curve(ax: Any, one: Series, colour: str, *, label: str) -> None:
    ax.plot(one.minutes, one.values, color=colour, linewidth=1.0, marker="o", markersize=2.6, label=label)


def _scale(ax: Any, values: Iterable[float]) -> None:
    finite = [v for v in values if math.isfinite(v)]
    if finite and min(finite) > 0 and max(finite) > 8 * min(finite):  # else a steep start flattens all that follows
        ticker = optional("matplotlib.ticker")
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        ax.yaxis.set_minor_locator(ticker.NullLocator())


def svg(draw: Callable[[Sequence[Any]], None], n: int, *, width: float | None = None) -> str:
    """Draws `n` panels with `draw(axes)` and returns an `<svg>` element.

    `width`: of each panel in inches; else the panels of a row share `WIDTH`. No pyplot: it keeps figures in a global.
    """
    matplotlib, figure = optional("matplotlib"), optional("matplotlib.figure")
    columns = 2 if n in (2, 4) else min(n, 3)
    rows = math.ceil(n / columns)
    with matplotlib.rc_context(STYLE):
        fig = figure.Figure(figsize=(width * columns if width else WIDTH, HEIGHT[columns] * rows), layout="constrained")
        axes = fig.subplots(rows, columns, squeeze=False).flatten().tolist()
        for spare in axes[n:]:
            spare.set_axis_off()
        draw(axes[:n])
        out = StringIO()
        fig.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")
