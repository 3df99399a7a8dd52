"""Plots hold every panel and are fit for a page."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from motet.errors import DataError
from motet.evaluate.drift import drift
from motet.evaluate.plots import drift_plot, learning_curves, smooth

pytest.importorskip("matplotlib")
SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> str:
    return " ".join(t.text or "" for t in ElementTree.fromstring(svg).iter(f"{SVG}text"))


def test_learning_curves_have_a_panel_for_each_loss_and_metric_of_each_stage(tmp_path: Path) -> None:
    lines: list[dict[str, object]] = []
    for step in range(1, 30):
        losses = {"text": 5 / step, "image": 1 / step} if step > 10 else {"image": 0.5}
        stage = "model" if step > 10 else "codec"
        lines.append({"event": "train", "stage": stage, "step": step, "elapsed": 2.0 * step, "losses": losses})
    lines.append({"event": "eval", "stage": "model", "step": 29, "elapsed": 58.0, "metrics": {"text": 0.2, "a<b": 1.0}})
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    shown = words(learning_curves(tmp_path / "log.jsonl"))
    for panel in ("codec: image", "model: text", "model: image", "model: a<b"):
        assert shown.count(panel) == 1
    assert shown.count("held out") == 1, "only the text loss has both curves in one panel"


def test_a_log_without_training_steps_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("")
    with pytest.raises(DataError, match="no training steps"):
        learning_curves(tmp_path / "log.jsonl")


def test_a_plot_takes_the_colour_of_its_page_and_is_the_same_every_time() -> None:
    z = torch.randn(10, 6, 3, generator=torch.Generator().manual_seed(0))
    svg = drift_plot(drift(z * 1.1, z, one_step=z))
    assert svg == drift_plot(drift(z * 1.1, z, one_step=z))
    assert svg.startswith("<svg") and "currentColor" in svg and "#010203" not in svg
    assert "one step ahead" in words(svg) and "one step ahead" not in words(drift_plot(drift(z * 1.1, z)))


def test_smoothing_keeps_a_straight_line_and_a_short_run_as_they_are() -> None:
    line = [7.0 - 0.01 * i for i in range(400)]
    assert smooth(line) == pytest.approx(line), "a lag would lift a falling loss"
    assert smooth([1.0, 5.0, 3.0]) == [1.0, 5.0, 3.0]


def test_smoothing_takes_the_mean_of_the_fortieth_part_around_a_value() -> None:
    spike = [0.0] * 400
    spike[200] = 11.0
    assert smooth(spike)[190:211] == pytest.approx([0.0] * 5 + [1.0] * 11 + [0.0] * 5)
