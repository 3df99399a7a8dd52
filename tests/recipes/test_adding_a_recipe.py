"""The worked example of docs/adding-a-recipe.md, run as it stands."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.main import get_command

from motet.cli import app
from motet.codecs.text import TextCodec
from motet.commands.compare import arms_of
from motet.evaluate.compare.match import matched, sizes_of
from motet.recipes.registry import RECIPES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-recipe.md"
REGISTRAR = """
import sys

from motet.recipes.registry import RECIPES
from motet_example import Gaussian

{line}
"""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's file as a module, one that registers it by the page's line, and the tests of recipes."""
    file, line = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    folder = tmp_path_factory.mktemp("example")
    (folder / "motet_example.py").write_text(file)
    (folder / "motet_registers.py").write_text(REGISTRAR.format(line=line))
    (folder / "tests/recipes/golden").mkdir(parents=True)
    shutil.copy(ROOT / "tests/conftest.py", folder / "tests")
    for name in ("conftest.py", "test_recipes.py", "test_paper_sizes.py", "golden/latentlm.txt"):
        shutil.copy(ROOT / "tests/recipes" / name, folder / "tests/recipes" / name)
    copied = re.search(r"^    cp (\S+) (\S+)$", PAGE.read_text(), re.MULTILINE)
    assert copied is not None
    shutil.copy(folder / copied[1], folder / copied[2])
    return folder


def python(example: Path, *args: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(example), str(ROOT / "src")])
    environment = os.environ | {"PYTHONPATH": path, "MOTET_CACHE": str(example / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *args], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def commands() -> list[str]:
    """The page's commands, without ``$ motet``."""
    console = re.search(r"^```console\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert console is not None
    return [line.removeprefix("$ motet ") for line in console[1].splitlines()]


def test_the_six_tests_of_every_recipe_pass_on_the_new_one(example: Path):
    configured = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "motet_registers")
    tests = str(example / "tests/recipes")
    done = python(example, "-m", "pytest", "-q", *configured, "-k", "gaussian", tests)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b8 passed", done.stdout), done.stdout  # and that it is short, and its paper's size can be built


def test_the_page_s_commands_take_it(example: Path, tmp_path: Path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i, colour in enumerate(("red", "green", "blue", "white", "black", "grey")):
        Image.new("RGB", (16, 16), colour).save(pictures / f"{i}.png")
        (pictures / f"{i}.txt").write_text(f"a {colour} square")
    assert [command.split()[0] for command in commands()] == ["train", "sample", "describe", "compare"]
    program = "import motet_registers; from motet.cli import main; main()"
    for command in commands()[:-1]:
        for written, meant in (
            ("emoji", f"folder:{pictures}"),
            ("runs/", f"{tmp_path}/"),
            ("heart.png", f"{tmp_path}/h.png"),
        ):
            command = command.replace(written, meant)
        done = python(example, "-c", program, *shlex.split(command))
        assert done.returncode == 0, done.stdout + done.stderr
    with Image.open(tmp_path / "h.png") as made:
        assert made.width > made.height > 16


def test_a_comparison_can_be_made_of_it_as_the_page_has_it(example: Path, monkeypatch: pytest.MonkeyPatch):
    spec = importlib.util.spec_from_file_location("motet_example", example / "motet_example.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "motet_example", module)
    spec.loader.exec_module(module)
    monkeypatch.setitem(RECIPES, "gaussian", module.Gaussian)
    group: Any = get_command(app)
    name, *words = shlex.split(commands()[-1])
    with group.commands[name].make_context(name, words) as context:
        other, own = (arm.recipe for arm in arms_of(context.params["recipes"], context.params["size"], []))
    assert isinstance(own, module.Gaussian) and own.image_size == other.image_size
    text = TextCodec.learn(["a red heart"], 300, ["image"])
    target = sizes_of(other, text).learned
    assert sizes_of(matched(own, text, target), text).learned == pytest.approx(target, rel=0.05)
