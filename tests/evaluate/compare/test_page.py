"""The page: pictures stand beside the prompt that they were drawn for."""

from collections.abc import Sequence
from pathlib import Path

import torch

from motet.evaluate.compare.findings import Finding, Looked
from motet.evaluate.compare.measures import measure
from motet.evaluate.compare.measuring import Shown
from motet.evaluate.compare.page import _grids, _sentences
from motet.evaluate.compare.plan import Comparison
from motet.evaluate.compare.run_one import RunRecord, save_shown
from motet.evaluate.over_seeds import OverSeeds
from motet.evaluate.page import Folds


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


def test_findings_stand_in_a_fold_for_each_number_and_few_of_them_are_open() -> None:
    def found(name: str, better: str) -> Finding:
        return Finding(name, better, "other", OverSeeds(2.0, 1.0, 3.0, 3), (5.0, 7.0))

    looked = Looked((found("frechet", "one"), found("judge", "one"), found("frechet", "two")), 9)
    folds = _sentences(looked, [])
    assert isinstance(folds, Folds) and folds.opened
    (frechet, told), (judge, alone) = folds.groups
    assert frechet == measure("frechet").words and judge == measure("judge").words
    assert [f"{frechet}: {one}" for one in told] == [looked.findings[i].sentence for i in (0, 2)] and len(alone) == 1
    assert not Folds("", [("many", ["so"] * 13)]).opened
