"""A recipe's run that died and was started again equals the one that was never stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from motet.config import override, to_dict
from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.recipes.recipe import Recipe
from motet.recipes.registry import RECIPES
from motet.recipes.run import RunConfig, train_run
from motet.train.log import Log

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (40, 60, 230), "grey": (120, 120, 120)}
STEPS, LAST = 16, 5
"""Of the whole run; and of its last stage, when it dies."""
KILLED = ("latentlm", "lavit", "janus", "puma")
"""One of each kind of stages in a process of its own, by SIGKILL; of the others an exception stops everything."""
PROGRAM = """
import os, signal, sys
sys.path.insert(0, {here!r})
import torch
torch.set_num_threads({threads})  # sums over another number of threads round differently
import motet.train.hardware as hardware
hardware.matmul_peak = lambda _, dtype: 2e9 if dtype is torch.bfloat16 else 1e9  # as in the other tests
import test_resume
test_resume.die(lambda: os.kill(os.getpid(), signal.SIGKILL), {stage!r})
test_resume.run({name!r}, {folder!r}, {out!r})
"""


class Died(BaseException):
    """Stands for the end of a process."""


def raise_died() -> None:
    raise Died


def die(how: Callable[[], object], stage: str) -> None:
    """From now on a run dies before a step of this stage is written down."""
    write = Log.write

    def deadly(self: Log, event: str, step: int, **facts: object) -> None:
        if (event, self.stage, step) == ("train", stage, LAST):
            how()
        write(self, event, step, **facts)

    Log.write = deadly  # type: ignore[method-assign]


def run(name: str, folder: str, out: str) -> None:
    """Trains the tiny recipe, with a checkpoint every third step."""
    recipe = quick(RECIPES[name].sizes["tiny"])
    config = RunConfig(name, to_dict(recipe), f"folder:{folder}", None, STEPS, 0, "test")
    size = (recipe.image_size, recipe.image_size)
    assert train_run(config, Corpus.of(open_source(config.data), size), Path(out))


def quick(recipe: Recipe) -> Recipe:
    """In small batches; saved every third step, and looked at never, which changes nothing that is learned."""
    stages = [key for key in to_dict(recipe) if key.endswith("training")]
    looks = {f"{stage}.{name}": () for stage in stages for name in ("eval_at", "preview_at")}
    return override(recipe, {f"{stage}.checkpoint_steps": 3 for stage in stages} | looks | {"rows": 2})


@pytest.fixture
def folder(own_cache: None, tmp_path: Path) -> Iterator[str]:
    from PIL import Image

    (tmp_path / "data").mkdir()
    for i, (name, colour) in enumerate((n, c) for n, c in COLOURS.items() for _ in range(3)):
        Image.new("RGB", (16, 16), colour).save(tmp_path / "data" / f"{i}.png")
        (tmp_path / "data" / f"{i}.txt").write_text(f"a {name} square, number {i}")
    yield str(tmp_path / "data")


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_that_died_in_its_last_stage_and_was_started_again_equals_the_uninterrupted_one_bit_for_bit(
    name: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, died = str(tmp_path / "whole"), str(tmp_path / "died")
    stage = RECIPES[name].sizes["tiny"].stages(0)[-1].name
    if name in KILLED:
        here = str(Path(__file__).parent)
        facts = {"here": here, "threads": torch.get_num_threads(), "name": name, "stage": stage, "folder": folder}
        program = [sys.executable, "-c", PROGRAM.format(out=died, **facts)]
        process = subprocess.Popen(program, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        run(name, folder, whole)
        _, said = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, said[-2000:].decode()
    else:
        run(name, folder, whole)
        with monkeypatch.context() as patch, pytest.raises(Died):
            patch.setattr(Log, "write", Log.write)  # put back behind this block
            die(raise_died, stage)
            run(name, folder, died)
    assert (Path(died) / "checkpoint").is_dir(), "there is something to go on from"
    run(name, folder, died)
    for weights in ("model.safetensors", "ema.safetensors"):
        one, other = load_file(f"{whole}/{weights}"), load_file(f"{died}/{weights}")
        assert one.keys() == other.keys()
        for key, tensor in one.items():
            assert torch.equal(tensor, other[key]), key
