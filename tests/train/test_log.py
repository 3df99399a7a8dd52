"""The record of a run and the line that a person watches."""

import importlib.util
import io
import json
import math
from pathlib import Path

import pytest
import tiny_objective as tiny
import torch
from rich.console import Console

from motet.train import log
from motet.train.log import Log
from motet.train.loop import Budget, train
from motet.train.objective import mix
from motet.train.progress import ProgressLine


def test_each_step_is_recorded_with_what_a_reader_needs(tmp_path: Path) -> None:
    objective = tiny.Tiny()
    settings = tiny.settings(eval_at=(0.5, 1.0), preview_at=(0.25,))
    result = train(objective, Budget(steps=8), settings, tmp_path, "model", console=Console(quiet=True))
    events = log.read(tmp_path)
    assert [e["event"] for e in events] == [
        "start",
        *["train"] * 2,
        "preview",
        *["train"] * 2,
        "eval",
        *["train"] * 4,
        "eval",
        "finish",
    ]
    steps = [e for e in events if e["event"] == "train"]
    assert [e["cursor"] for e in steps] == tiny.cursors(8) == objective.cursors
    for event in steps:
        assert event["loss"] == pytest.approx(sum(event["losses"].values()), rel=1e-5)
        assert event["losses"].keys() == result.losses.keys() == {"text", "penalty"}
        assert event["grad_norm"] > 0 and event["tokens"] == 20
        expected = event["tokens_per_s"] * objective.flops_per_token() / events[0]["peak_flops"]
        assert event["mfu"] == pytest.approx(expected)
    preview = next(e for e in events if e["event"] == "preview")
    assert preview["path"] == "previews/model-2.png" and (tmp_path / preview["path"]).read_bytes() == b"picture"
    # Evaluated on the average, which moves more slowly than the weights, and away from where it began (8 ones).
    looked = [e["metrics"]["weight"] for e in events if e["event"] == "eval"]
    assert looked[0] != looked[1]
    result.ema.adopt()
    assert looked[1] == pytest.approx(float(objective.module.norm.weight.detach().sum()))


@pytest.mark.parametrize("clip", [0.5, 0.0])
def test_the_gradient_is_clipped_to_its_global_norm_and_by_zero_never(tmp_path: Path, clip: float) -> None:
    seen: list[float] = []

    objective = tiny.Tiny(scale={0: 1000.0})
    real = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW) -> None:
        squares = [p.grad.detach().square().sum() for p in objective.module.parameters() if p.grad is not None]
        seen.append(float(torch.stack(squares).sum().sqrt()))
        real(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", step)
        settings = tiny.settings(optimizer="adamw", clip=clip)
        train(objective, Budget(steps=1), settings, tmp_path, "model", console=Console(quiet=True))
    recorded = next(e for e in log.read(tmp_path) if e["event"] == "train")["grad_norm"]
    assert recorded > 100 and seen == [pytest.approx(clip or recorded, rel=1e-4)]


def test_going_on_drops_later_lines_a_torn_one_and_no_other_stage(tmp_path: Path) -> None:
    with Log(tmp_path, "codec", step=0) as first:
        first.write("train", 9, loss=1.0)
    with Log(tmp_path, "model", step=0) as second:
        for step in range(1, 6):
            second.write("train", step, loss=1.0)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"event": "step", "stage": "mod')
    with Log(tmp_path, "model", step=3) as third:
        third.write("train", 4, loss=math.nan, metrics={"a": math.inf, "b": 1.0})
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["step"]) for line in lines] == [("codec", 9), *(("model", n) for n in (1, 2, 3, 4))]
    assert lines[-1]["loss"] is None and lines[-1]["metrics"] == {"a": None, "b": 1.0}


def test_a_stage_that_begins_anew_leaves_nothing_of_its_first_try(tmp_path: Path) -> None:
    for _ in range(2):
        with Log(tmp_path, "model", step=0) as written:
            written.write("start", 0)
            written.write("train", 1, loss=1.0)
    assert [event["event"] for event in log.read(tmp_path)] == ["start", "train"]


def test_tensorboard_is_written_if_installed_and_its_absence_said_if_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if importlib.util.find_spec("tensorboard"):
        with Log(tmp_path / ".", "model", step=0) as written:
            written.write("train", 1, loss=2.5, losses={"text": 1.5})
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        board = EventAccumulator(str(tmp_path / "tensorboard" / "model"))
        board.Reload()
        assert [point.value for point in board.Scalars("train/losses/text")] == [1.5]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with Log(tmp_path, "other", step=0) as written:
        assert "motet[train]" in written.tensorboard
    assert not (tmp_path / "tensorboard" / "other").exists()


@pytest.mark.parametrize("terminal", [True, False])
def test_the_line_shows_stage_step_speed_losses_and_time_left_within_80_columns(terminal: bool) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=80, color_system=None)
    with ProgressLine(console, "model", Budget(steps=400)) as line:
        line.update(99, 4.5, tokens=9000, seconds=60.0, losses={"text": 2.34567, "image": 0.125})  # compiles
        line._shown = None
        line.update(100, 5.0, tokens=9000, seconds=0.5, losses={"text": 2.34567, "image": 0.125})
        line.say("samples: [x]")
    text = screen.getvalue()
    for part in ("model", "25%", "step 100", "18.0k tok/s", "text 2.346", "image 0.125", "2:30 left", "samples: [x]"):
        assert part in text, part


def test_seeds_that_differ_above_32_bits_are_mixed_to_different_ones() -> None:
    seeds = [mix(seed, 5) for seed in (1, 1 + 2**32, 2)] + [mix(1, 5 + 2**32), mix(5, 1)]
    assert len(set(seeds)) == 5 and all(0 <= seed < 2**32 for seed in seeds)
    assert seeds[0] == mix(1, 5)
