"""A recipe's run that was killed and started again equals the one that was never stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from motet.config import to_dict
from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.recipes.recipe import Recipe
from motet.recipes.registry import RECIPES
from motet.recipes.run import RunConfig, train_run

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (40, 60, 230), "grey": (120, 120, 120)}
STEPS = 24
KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
import torch
torch.set_num_threads({threads})  # sums over another number of threads round differently
import motet.train.log as log
write = log.Log.write
def deadly(self, event, step, **facts):
    if event == "train" and self.stage == {stage!r} and step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(self, event, step, **facts)
log.Log.write = deadly
import test_resume
test_resume.run({name!r}, {folder!r}, {out!r})
"""


def run(name: str, folder: str, out: str) -> None:
    """Trains the tiny recipe, with a checkpoint every third step."""
    tiny = RECIPES[name].sizes["tiny"]
    recipe = with_checkpoints(tiny)
    config = RunConfig(name, to_dict(recipe), f"folder:{folder}", None, STEPS, 0, "test")
    size = (recipe.image_size, recipe.image_size)
    assert train_run(config, Corpus.of(open_source(config.data), size), Path(out))


def with_checkpoints(recipe: Recipe) -> Recipe:
    from motet.config import override

    stages = [key for key in to_dict(recipe) if key.endswith("training")]
    return override(recipe, {f"{stage}.checkpoint_steps": 3 for stage in stages})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    from PIL import Image

    monkeypatch.setenv("MOTET_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    for i, (name, colour) in enumerate((n, c) for n, c in COLOURS.items() for _ in range(3)):
        Image.new("RGB", (16, 16), colour).save(tmp_path / "data" / f"{i}.png")
        (tmp_path / "data" / f"{i}.txt").write_text(f"a {name} square, number {i}")
    yield str(tmp_path / "data")


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_killed_in_its_last_stage_and_started_again_equals_the_uninterrupted_one_bit_for_bit(
    name: str, folder: str, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(name, folder, str(whole))
    stage = RECIPES[name].sizes["tiny"].stages(0)[-1].name
    here = str(Path(__file__).parent)
    facts = {"threads": torch.get_num_threads(), "name": name, "folder": folder, "out": str(killed)}
    script = KILLED.format(here=here, stage=stage, step=8, **facts)
    died = subprocess.run([sys.executable, "-c", script], env=os.environ, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr[-2000:]
    run(name, folder, str(killed))
    for weights in ("model.safetensors", "ema.safetensors"):
        one, other = load_file(whole / weights), load_file(killed / weights)
        assert one.keys() == other.keys()
        for key, tensor in one.items():
            assert torch.equal(tensor, other[key]), key
