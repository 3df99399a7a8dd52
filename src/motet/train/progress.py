"""The live line: stage, step, tokens/s, smoothed losses by part, time left. Plain lines where there is no terminal."""

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from motet.train.settings import Budget

_REFRESH_SECONDS = 0.25
_LINE_SECONDS = 15.0  # between lines where there is no terminal
_SMOOTHING = 0.95  # of losses and speed, per step


class ProgressLine:
    """Shows one stage's training on `console`."""

    def __init__(self, console: Console, stage: str, budget: Budget):
        self.console = console
        self.stage = stage
        self.losses: dict[str, float] = {}  # smoothed, by part
        self._budget = budget
        self._speed = self._seconds = 0.0  # smoothed tokens/s and seconds a step
        self._updates = 0
        self._shown: float | None = None
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("[bold]{task.description}"),
                BarColumn(bar_width=12),
                TaskProgressColumn(),
                TextColumn("{task.fields[line]}"),
                console=console,
                refresh_per_second=4,
            )
            self._task = self._bar.add_task(escape(stage), total=1.0, line="")

    def update(self, step: int, elapsed: float, *, tokens: int, seconds: float, losses: dict[str, float]) -> None:
        """After each step: `seconds` and `tokens` are that step's."""
        for name, value in losses.items():
            self.losses[name] = _smooth(self.losses.get(name), value)
        # The first step compiles and is no measure of speed: the second replaces it.
        self._updates += 1
        self._seconds = _smooth(self._seconds if self._updates > 2 else None, seconds)
        self._speed = _smooth(self._speed if self._updates > 2 else None, tokens / seconds)
        now = time.monotonic()
        if self._shown is not None and now - self._shown < (_REFRESH_SECONDS if self._bar else _LINE_SECONDS):
            return
        self._shown = now
        done = self._budget.progress(step, elapsed)
        left = (
            _clock(self._budget.seconds_left(step, elapsed, step_seconds=self._seconds)) if self._updates > 1 else "?"
        )
        parts = "  ".join(f"{name} {value:.3f}" for name, value in self.losses.items())
        line = f"step {step}  {_short(self._speed)} tok/s  {parts}  {left} left"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, line=escape(line))
        else:
            self.console.print(escape(f"{self.stage}  {done:4.0%}  {line}"), soft_wrap=True, highlight=False)

    def say(self, text: str) -> None:
        """A line that stays, above the live one."""
        self.console.print(escape(f"{self.stage}  {text}"), soft_wrap=True, highlight=False)

    def __enter__(self) -> "ProgressLine":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _smooth(before: float | None, now: float) -> float:
    return now if before is None else _SMOOTHING * before + (1 - _SMOOTHING) * now


def _short(number: float) -> str:
    return f"{number / 1000:.1f}k" if number >= 10_000 else f"{number:.0f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
