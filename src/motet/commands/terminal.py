"""The terminal: how commands report errors and progress. No torch here, and rich only when it has to speak."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from motet.errors import MotetError, TrainingError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

WRONG_USE, TRAINING_FAILED, INTERRUPTED = 2, 1, 130
"""Exit codes: what was asked cannot be done; training went wrong; stopped by ctrl-C or SIGTERM."""


class Commands(TyperGroup):
    """The commands. Errors raised on purpose, and the system's, are told in words; ``--debug`` shows where they arose.

    SIGTERM ends a command as ctrl-C does: by KeyboardInterrupt, with exit code 130.
    """

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
            with _terminable():
                return super().invoke(ctx)
        except Exception as error:
            words = in_words(error)
            if words is None:
                raise
            if ctx.params.get("debug"):
                errors().print_exception()
            complain(words)
            raise typer.Exit(TRAINING_FAILED if isinstance(error, TrainingError) else WRONG_USE) from error
        finally:
            log.removeHandler(handler)


def in_words(error: Exception) -> str | None:
    """What the user is told of an error; None of a fault of ours, and of a closed pipe, which typer sees to."""
    from safetensors import SafetensorError  # `motet --help` does without

    if isinstance(error, MotetError):
        return str(error)
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        place = f"{error.filename}: " if error.filename else ""
        reason = f"{place}{error.strerror or error}"
    elif isinstance(error, SafetensorError):
        reason = str(error)
    else:
        return None
    return f"{reason}; mend that and give the same command again (--debug shows where it arose)"


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt. Signals belong to the main thread: in another one nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


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
