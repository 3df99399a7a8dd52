"""The page: pictures stand beside the prompt that they were drawn for."""

from collections.abc import Sequence
from pathlib import Path

import torch

from motet.evaluate.compare.measuring import Shown
from motet.evaluate.compare.page import _grids
from motet.evaluate.compare.plan import Comparison
from motet.evaluate.compare.run_one import RunRecord, save_shown


def stored(arm: str, prompts: Sequence[str], shades: Sequence[int], out: Path) -> RunRecord:
    """A run that has drawn a plain picture for each prompt; the true ones are a hundred brighter."""
    folder = out / "runs" / f"{arm}-0"
    folder.mkdir(parents=True)
    drawn = torch.tensor(shades, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4).contiguous()
    save_shown(Shown(tuple(prompts), drawn, drawn + 100), folder)
    return RunRecord(arm, 0, {}, [], list(prompts), [], {}, 1.0, "", {})


def test_arms_that_have_drawn_other_prompts_are_shown_where_they_agree(comparison: Comparison, tmp_path: Path) -> None:
    records = [
        stored("plain", ["a", "b", "c"], [1, 2, 3], tmp_path),
        stored("thin", ["c", "a"], [23, 21], tmp_path),
    ]
    (grid,) = _grids(comparison, records, tmp_path)
    assert grid.columns == ["true", "plain", "thin"]
    shades = {text: [int(picture.max()) for picture in row if picture is not None] for text, row in grid.rows}
    assert shades == {"a": [101, 1, 21], "c": [103, 3, 23]}
