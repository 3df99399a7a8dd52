"""What a command says when it cannot go on, and how it ends."""

import errno
import signal
from collections.abc import Callable
from typing import Annotated

import pytest
import typer
from click.testing import Result
from safetensors import SafetensorError
from typer.testing import CliRunner

from motet.commands.terminal import Commands


def ran(work: Callable[[], object], *words: str) -> Result:
    """A program of one command that does this work."""
    app = typer.Typer(cls=Commands)

    @app.callback()
    def options(debug: Annotated[bool, typer.Option("--debug")] = False) -> None: ...

    @app.command("work")
    def command() -> None:
        work()

    return CliRunner().invoke(app, ["work", *words])


def raising(error: BaseException) -> Callable[[], object]:
    def work() -> None:
        raise error

    return work


FULL = OSError(errno.ENOSPC, "No space left on device", "run/log.jsonl")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FULL, "motet: run/log.jsonl: No space left on device; mend that and give the same command again"),
        (PermissionError(errno.EACCES, "Permission denied", "cache"), "motet: cache: Permission denied; mend that"),
        (OSError(errno.ENOSPC, "No space left on device"), "motet: No space left on device; mend that"),
        (OSError("cannot identify image file"), "motet: cannot identify image file; mend that"),
        (SafetensorError("Error while serializing: No space left"), "motet: Error while serializing: No space left;"),
    ],
)
def test_what_the_system_refuses_is_told_in_words_with_the_exit_code_of_what_cannot_be_done(
    error: Exception, said: str
) -> None:
    told = ran(raising(error))
    assert told.exit_code == 2
    assert said in " ".join(told.stderr.split())
    assert "Traceback" not in told.output


def test_debug_shows_where_the_system_refused() -> None:
    told = ran(raising(FULL), "--debug")
    assert told.exit_code == 2
    assert "Traceback" in told.stderr and "log.jsonl: No space left" in " ".join(told.stderr.split())


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    error = ValueError("shapes differ")
    assert ran(raising(error)).exception is error


def test_sigterm_ends_a_command_as_ctrl_c_does_and_the_handler_of_before_is_back() -> None:
    def died(*_: object) -> None:
        raise AssertionError("the process would have ended without a word")

    before = signal.signal(signal.SIGTERM, died)
    try:
        told = ran(lambda: signal.raise_signal(signal.SIGTERM))
        assert told.exit_code == ran(raising(KeyboardInterrupt())).exit_code == 130
        assert signal.getsignal(signal.SIGTERM) is died
    finally:
        signal.signal(signal.SIGTERM, before)
