"""The process of one run: ``python -m motet.evaluate.compare JOB.json``. Exit code 0, or 130 if it was interrupted."""

import signal
import sys
from pathlib import Path
from types import FrameType

from rich.console import Console

from motet.alone import alone
from motet.evaluate.compare.plan import Job
from motet.evaluate.compare.run import INTERRUPTED
from motet.evaluate.compare.run_one import run_one
from motet.evaluate.stored import read_record


def main(path: Path) -> int:
    """Carries out the job that a file holds."""
    job = read_record(Job, path)
    signal.signal(signal.SIGTERM, _interrupted)  # where training does not save on it, it cleans up
    try:
        with alone(job.out / "runs"):  # another call waits for this process, even if whoever started it is gone
            finished = run_one(job, Console())
    except KeyboardInterrupt:
        finished = False
    return 0 if finished else INTERRUPTED


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
