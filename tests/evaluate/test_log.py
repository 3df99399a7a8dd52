"""Reading a run's log."""

import json
from pathlib import Path

import pytest

from motet.errors import DataError
from motet.evaluate.log import read_log, series


def train(step: int, loss: float, *, elapsed: float, stage: str = "model") -> dict[str, object]:
    return {"event": "train", "stage": stage, "step": step, "elapsed": elapsed, "losses": {"text": loss}}


def test_each_stage_and_loss_is_a_series_over_minutes() -> None:
    records = [train(1, 5.0, elapsed=30), train(1, 9.0, elapsed=60, stage="codec"), train(2, 4.0, elapsed=90)]
    model, codec = series(records, event="train", field="losses")
    assert (model.stage, model.name, model.minutes, model.values) == ("model", "text", [0.5, 1.5], [5.0, 4.0])
    assert (codec.stage, codec.values) == ("codec", [9.0])


def test_steps_repeated_after_a_resume_count_once_and_the_later_line_wins() -> None:
    records = [train(s, s, elapsed=s * 60) for s in (1, 2, 3)] + [train(s, 10 * s, elapsed=s * 60 + 6) for s in (2, 3)]
    (one,) = series(records, event="train", field="losses")
    assert one.values == [1.0, 20.0, 30.0]
    assert one.minutes == pytest.approx([1, 2.1, 3.1])


def test_a_last_line_cut_short_is_left_out_and_any_other_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    whole = json.dumps(train(1, 5.0, elapsed=1))
    log.write_text(f'{whole}\n{{"event": "tra')
    assert len(read_log(log)) == 1
    log.write_text(f'{{"event": "tra\n{whole}\n')
    with pytest.raises(DataError, match="line 1"):
        read_log(log)


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        read_log(tmp_path / "nowhere.jsonl")
