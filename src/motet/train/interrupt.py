"""ctrl-C as a request: the step is finished and saved before the run stops."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """While entered, SIGINT and SIGTERM set `asked`; a second one raises KeyboardInterrupt, for those in a hurry.

    Signals belong to the main thread: in another thread nothing is caught, and `asked` stays False.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def explains_failure(self) -> bool:
        """Whether a failed step may be put down to the signal: ctrl-C also ends a compiler that was at work for it."""
        return self.asked

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
