"""The run's record: `log.jsonl`, one line per event, and TensorBoard's files beside it if that package is installed.

Every line has `event`, `stage` and `step` (completed steps). The events:
    start     what the process chose and measured; one for each start or resumption
    train     one step: cursor of its batch, elapsed seconds, loss, losses by part, grad_norm, lr, tokens,
              tokens_per_s, mfu
    eval      metrics: the held-out numbers
    preview   the picture's path within the run
    finish    the stage is done

A resumed run first drops the lines after its checkpoint, so that its record equals the uninterrupted one but for times.
"""

import importlib.util
import json
import math
import time
from pathlib import Path
from typing import Any

from motet.whole import whole

_TENSORBOARD_SECONDS = 1.0  # at most one step in so many seconds is drawn


class Log:
    """Appends the events of one stage to RUN/log.jsonl, beginning after `step` completed steps."""

    def __init__(self, run: Path, stage: str, *, step: int):
        self.path = run / "log.jsonl"
        self.stage = stage
        _drop_after(self.path, stage, step)
        self._file = self.path.open("a", encoding="utf-8")
        self._drawn = -math.inf
        self._board: Any = None
        self.tensorboard = "not installed; pip install 'motet[train]' for it"
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter  # slow to import, and optional

            self._board = SummaryWriter(run / "tensorboard" / stage, purge_step=step + 1)
            self.tensorboard = "tensorboard"

    def write(self, event: str, step: int, **fields: Any) -> None:
        """One line. Numbers that are not finite, which JSON lacks, become null."""
        line = {"event": event, "stage": self.stage, "step": step, **fields}
        self._file.write(json.dumps(_finite(line)) + "\n")
        self._file.flush()
        fresh = time.monotonic() - self._drawn >= _TENSORBOARD_SECONDS
        if self._board is not None and (event == "eval" or (event == "train" and fresh)):
            self._drawn = time.monotonic()
            for name, value in _scalars(fields):
                self._board.add_scalar(f"{event}/{name}", value, step)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def read(run: Path) -> list[dict[str, Any]]:
    """All events of a run, in order; a last line that a killed process left unfinished is passed over."""
    path = run / "log.jsonl"
    if not path.exists():
        return []
    return [event for line in path.read_text(encoding="utf-8").splitlines() if (event := _parse(line)) is not None]


def _drop_after(path: Path, stage: str, step: int) -> None:
    if not path.exists():
        return
    # A stage that begins anew (step 0) has no past: its `start` lines go as well.
    kept = [e for e in read(path.parent) if e["stage"] != stage or (step > 0 and e["step"] <= step)]
    with whole(path) as partial:
        partial.write_text("".join(json.dumps(event) + "\n" for event in kept), encoding="utf-8")


def _parse(line: str) -> dict[str, Any] | None:
    try:
        event: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        return None
    return event


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _scalars(fields: dict[str, Any]) -> list[tuple[str, float]]:
    flat: list[tuple[str, float]] = []
    for key, value in fields.items():
        if isinstance(value, dict):
            flat += [(f"{key}/{name}", item) for name, item in _scalars(value)]
        elif isinstance(value, int | float):
            flat.append((key, float(value)))
    return flat
