"""The process of one run: ``python -m motet.evaluate.compare JOB.json``. Exit code 0, or 130 if it was interrupted."""

import sys
from pathlib import Path

from rich.console import Console

from motet.evaluate.compare.plan import Job
from motet.evaluate.compare.run import INTERRUPTED
from motet.evaluate.compare.run_one import run_one
from motet.evaluate.stored import read_record


def main(path: Path) -> int:
    """Carries out the job that a file holds."""
    job = read_record(Job, path)
    try:
        finished = run_one(job, Console())
    except KeyboardInterrupt:
        finished = False
    return 0 if finished else INTERRUPTED


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
