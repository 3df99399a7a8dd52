"""A run's `log.jsonl`, as curves: one JSON object per line, of the events `train` and `eval`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motet.errors import DataError
from motet.types import PathLike


@dataclass(frozen=True)
class Series:
    """One quantity of one stage over the run: `minutes[i]`, `values[i]`."""

    stage: str
    name: str
    minutes: list[float]
    values: list[float]


def read_log(path: PathLike) -> list[dict[str, Any]]:
    """The lines of a log, in order.

    The last line may be cut short, as a killed run leaves it; then it is left out. Raises DataError if there is no such
    file or another line cannot be read.
    """
    if not Path(path).is_file():
        raise DataError(f"there is no log {str(path)!r}; give the log.jsonl inside a run's folder")
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise DataError(f"line {number} of {str(path)!r} is not JSON ({error}); mend it or take it out") from error
    return records


def series(records: Iterable[dict[str, Any]], *, event: str, field: str) -> list[Series]:
    """The numbers under `record[field]` of all records of `event`, per stage and name, in order of appearance.

    A resumed run logs the steps after its last checkpoint a second time: the later line counts.
    """
    found: dict[tuple[str, str], dict[int, tuple[float, float]]] = {}
    for record in records:
        if record.get("event") != event:
            continue
        for name, value in record[field].items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                points = found.setdefault((record["stage"], name), {})
                points[record["step"]] = (record["elapsed"] / 60, float(value))
    return [
        Series(stage, name, [points[s][0] for s in sorted(points)], [points[s][1] for s in sorted(points)])
        for (stage, name), points in found.items()
    ]
