"""The worked example of docs/adding-a-recipe.md, run as it stands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

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
    """A folder with the page's file as a module, and one that registers it by the page's line."""
    file, line = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    folder = tmp_path_factory.mktemp("example")
    (folder / "motet_example.py").write_text(file)
    (folder / "motet_registers.py").write_text(REGISTRAR.format(line=line))
    return folder


def python(example: Path, *args: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(example), str(ROOT / "src")])
    environment = os.environ | {"PYTHONPATH": path, "MOTET_CACHE": str(example / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *args], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def test_the_tests_of_every_recipe_pass_on_the_new_one(example: Path):
    tests = "tests/recipes/test_recipes.py"
    done = python(example, "-m", "pytest", "-q", "-p", "motet_registers", "-k", "gaussian and not mask", tests)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b5 passed", done.stdout), done.stdout


def test_the_page_s_commands_take_it(example: Path, tmp_path: Path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i, colour in enumerate(("red", "green", "blue", "white", "black", "grey")):
        Image.new("RGB", (16, 16), colour).save(pictures / f"{i}.png")
        (pictures / f"{i}.txt").write_text(f"a {colour} square")
    console = re.search(r"^```console\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert console is not None
    commands = [line.removeprefix("$ motet ") for line in console[1].splitlines()]
    assert [command.split()[0] for command in commands] == ["train", "sample", "describe"]
    program = "import motet_registers; from motet.cli import main; main()"
    for command in commands:
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
