"""The terminal: how commands report errors and progress. No torch here, and rich only when it has to speak."""

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from motet.errors import MotetError, TrainingError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

WRONG_USE, TRAINING_FAILED, INTERRUPTED = 2, 1, 130
"""Exit codes: what was asked cannot be done; training went wrong; stopped by ctrl-C."""


class Commands(TyperGroup):
    """The commands. Errors raised on purpose are told in words; ``--debug`` anywhere shows where they arose."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ours = args[: args.index("--")] if "--" in args else args
        if "--debug" in ours:
            args = ["--debug", *(word for i, word in enumerate(args) if i >= len(ours) or word != "--debug")]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        log = logging.getLogger("motet")
        handler = _Spoken()
        log.addHandler(handler)
        try:
            return super().invoke(ctx)
        except MotetError as error:
            if ctx.params.get("debug"):
                errors().print_exception()
            complain(str(error))
            raise typer.Exit(TRAINING_FAILED if isinstance(error, TrainingError) else WRONG_USE) from error
        finally:
            log.removeHandler(handler)


class _Spoken(logging.Handler):
    """What the library warns of, as a line for the user."""

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        errors().print(Text(record.getMessage(), style="yellow"), soft_wrap=True)


def complain(message: str) -> None:
    from rich.text import Text

    errors().print(Text.assemble(("motet: ", "bold red"), (message, "red")), soft_wrap=True)


def output() -> "Console":
    """Where results go."""
    from rich.console import Console

    return Console(highlight=False)


def errors() -> "Console":
    """Where errors, warnings and progress go."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


class Watch:
    """A progress bar on standard error that comes with the first item of a task and goes with its last.

    Use it as a context, so that a task that fails leaves no half of a bar behind.
    """

    def __init__(self, words: str):
        self.words = words
        self._bar: Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        """So many of so many items are done."""
        if self._bar is None:
            if done >= total:
                return
            self._bar = self._started(total)
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)
        if done >= total:
            self._stop()

    def _started(self, total: int) -> "Progress":
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(self.words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = errors()
        bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        bar.add_task(self.words, total=total)
        bar.start()
        return bar

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
