"""What a failed step leaves: RUN/failed_batch.json, which tells its batch and lets its stage take a lower `lr`.

A run that is started again as it was replays the same batch on the same weights and fails again. So the one setting
that it may go on with otherwise is the learning rate of the stage that failed, until that stage is finished.
"""

import json
from pathlib import Path

from motet.errors import TrainingError
from motet.train.checkpoint import State
from motet.train.settings import TrainSettings
from motet.whole import write_json

_FILE = "failed_batch.json"


def failure(wrong: str, state: State, run: Path, settings: TrainSettings) -> TrainingError:
    """The error of a step that failed, after its batch is noted in the run."""
    note = {"stage": state.stage, "step": state.step, "cursor": state.cursor, "seed": settings.seed, "wrong": wrong}
    write_json(run / _FILE, note | {"lr": settings.lr})
    folder = run / "checkpoint"
    kept = f"The last good state is in {folder}" if folder.exists() else "Nothing had been saved yet"
    return TrainingError(
        f"stage {state.stage!r}, step {state.step}, batch cursor {state.cursor}: {wrong}. {kept}. The batch is "
        f"objective.batch({state.cursor}), noted in {run / _FILE}: if it is at fault, mend the data and begin a new "
        f"run. The same settings would fail at it again; this stage goes on with lr below {settings.lr:g}"
    )


def failed_stage(run: Path) -> str | None:
    """The stage that failed and is not finished since, or None."""
    path = run / _FILE
    return str(json.loads(path.read_text())["stage"]) if path.is_file() else None


def forget_failure(run: Path) -> None:
    """A stage that is finished after all has got past its failure."""
    (run / _FILE).unlink(missing_ok=True)
