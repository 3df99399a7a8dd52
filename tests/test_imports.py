"""Imports point one way, and `motet --help` is quick. The tree is read, not imported: lazy imports count as well."""

import ast
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "motet"

# A module may import its own package and whatever stands on an earlier line. Those on one line are strangers to each
# other, but for the first line. "motet" is src/motet/__init__.py, the public surface; it may import anything but cli.
LAYERS = (
    ("types", "errors", "bounds", "config", "seed", "whole", "alone"),
    ("sequence",),
    ("diffusion", "nn"),
    ("codecs", "embed", "heads"),
    ("factorise",),
    ("model",),
    ("request",),
    ("generate",),
    ("data", "train"),
    ("pipeline",),
    ("recipes",),
    ("evaluate", "probes", "interop"),
    ("serve",),
    ("mask_picture",),
    ("commands", "demo", "show"),
    ("cli", "motet"),
)
LAYER = {name: height for height, names in enumerate(LAYERS) for name in names}
MODULES = sorted(SOURCE.rglob("*.py"))


def _dotted(path: Path) -> list[str]:
    """The parts of a module's name, ["motet", "nn", "rope"]."""
    parts = ["motet", *path.relative_to(SOURCE).with_suffix("").parts]
    return parts[:-1] if parts[-1] == "__init__" else parts


def _home(path: Path) -> str:
    """The name in LAYERS that a module belongs to."""
    parts = _dotted(path)
    return parts[1] if len(parts) > 1 else "motet"


def _imported(tree: ast.AST, path: Path) -> Iterator[str]:
    """Every module and every name in a module that is imported anywhere in the tree, dotted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            if node.level:
                package = _dotted(path) if path.name == "__init__.py" else _dotted(path)[:-1]
                base = package[: len(package) - node.level + 1] + base
            yield from (".".join([*base, alias.name]) for alias in node.names)


def _target(name: str) -> str | None:
    """The name in LAYERS that an import of `name` reaches, or None if it is not ours."""
    parts = name.split(".")
    if parts[0] != "motet":
        return None
    if parts[1:] == ["__version__"]:
        return "types"  # a constant of no layer, that anyone may write into a file
    is_module = len(parts) > 1 and (parts[1] in LAYER or (SOURCE / f"{parts[1]}.py").exists())
    return parts[1] if is_module else "motet"


def _wrong_way(tree: ast.AST, path: Path) -> list[str]:
    """Sentences about each import that the layers do not allow."""
    home, wrong = _home(path), []
    for name in _imported(tree, path):
        target = _target(name)
        if target not in LAYER or home not in LAYER or target == home:
            continue  # not ours, or without a layer, of which another test speaks
        if LAYER[target] < LAYER[home] or LAYER[home] == LAYER[target] == 0:
            continue
        if home == "motet" and target != "cli":
            continue
        wrong.append(f"{'.'.join(_dotted(path))} imports {name}, but {target} is not below {home}")
    return wrong


def _mentions(tree: ast.AST, path: Path, dotted: str) -> bool:
    """Whether a module imports `dotted` or something in it, or writes it out as an attribute."""
    written = (ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return any(f"{name}.".startswith(f"{dotted}.") for name in [*_imported(tree, path), *written])


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_every_module_has_its_layer() -> None:
    homeless = sorted({_home(path) for path in MODULES} - LAYER.keys())
    assert not homeless, f"name these in LAYERS, where they belong: {homeless}"


def test_imports_point_one_way() -> None:
    wrong = [sentence for path in MODULES for sentence in _wrong_way(_parse(path), path)]
    assert not wrong, "\n".join(["", *wrong])


@pytest.mark.parametrize(
    ("module", "line", "allowed"),
    [
        ("nn/rope.py", "from motet.errors import ShapeError", True),
        ("nn/rope.py", "from motet.nn.norm import RMSNorm", True),
        ("nn/rope.py", "from .norm import RMSNorm", True),
        ("nn/rope.py", "import motet.sequence.tags", True),
        ("nn/rope.py", "from motet import __version__", True),
        ("nn/rope.py", "from motet import load", False),
        ("nn/rope.py", "from motet import model", False),
        ("nn/rope.py", "from motet.diffusion.times import uniform", False),
        ("nn/rope.py", "from ..recipes import RECIPES", False),
        ("nn/rope.py", "def f():\n    import motet.train.loop", False),
        ("sequence/pack.py", "from motet.nn import Block", False),
        ("recipes/latentlm.py", "from motet.train import loop", True),
        ("serve/http.py", "import motet.cli", False),
        ("cli.py", "from motet.serve import engine", True),
        ("__init__.py", "from motet.pipeline import load", True),
    ],
)
def test_the_walk_tells_allowed_imports_from_others(module: str, line: str, allowed: bool) -> None:
    assert (not _wrong_way(ast.parse(line), SOURCE / module)) is allowed


def test_torch_distributed_appears_in_one_module_alone() -> None:
    users = [path for path in MODULES if _mentions(_parse(path), path, "torch.distributed")]
    assert [path for path in users if path != SOURCE / "train" / "distributed.py"] == []


@pytest.mark.parametrize(
    "line",
    ["import torch.distributed as dist", "from torch import distributed", "def f():\n    torch.distributed.init()"],
)
def test_torch_distributed_is_recognised_however_it_is_written(line: str) -> None:
    assert _mentions(ast.parse(line), SOURCE / "model.py", "torch.distributed")


@pytest.mark.parametrize("package", ["torchvision", "torchaudio", "pickle"])
def test_nothing_imports(package: str) -> None:
    assert [path for path in MODULES if _mentions(_parse(path), path, package)] == []


def test_torch_load_is_always_told_to_read_weights_only() -> None:
    calls = (
        (path, node)
        for path in MODULES
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
    )
    safe = ast.dump(ast.keyword("weights_only", ast.Constant(True)))
    assert [path for path, call in calls if safe not in map(ast.dump, call.keywords)] == []


HELP = """
import sys
sys.argv = ["motet", "--help"]
from motet.cli import main
try:
    main()
finally:
    print("HEAVY:", *sorted({"numpy", "torch", "transformers"} & sys.modules.keys()))
"""


def test_help_answers_in_under_half_a_second_without_torch() -> None:
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = subprocess.run(
            [sys.executable, "-c", HELP], capture_output=True, text=True, cwd=SOURCE.parent, timeout=60, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # the processor's time, not the clock's, which also counts whatever else the machine is doing
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        assert ran.returncode == 0, ran.stderr
        assert "Usage" in ran.stdout
        assert ran.stdout.splitlines()[-1].strip() == "HEAVY:"
    assert min(seconds) < 0.5, f"motet --help took {min(seconds):.2f} s at best; what does motet.cli import?"
