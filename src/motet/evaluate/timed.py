"""Tasks that take a while: a progress bar for each, and how long each took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Tick = Callable[[int], None]
"""Told how many items of a task are done."""


class Timed:
    """Runs named tasks one after another; ``seconds`` holds what each took, in order. A name used again adds up."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def task(self, name: str, total: int) -> Iterator[Tick]:
        """A bar while the body runs (where there is a terminal), and a line with its seconds at the end."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        began = time.perf_counter()
        with bar:
            shown = bar.add_task(escape(name), total=total)
            yield lambda done: bar.update(shown, completed=done)
        took = time.perf_counter() - began
        self.seconds[name] = self.seconds.get(name, 0.0) + took
        self.console.print(escape(f"{name:<42}{total:>6}  {took:6.1f} s"), highlight=False, soft_wrap=True)
