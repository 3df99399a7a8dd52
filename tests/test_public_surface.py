"""What `import motet` promises: a sorted list of names, each there, none of them paid for before it is asked for."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import motet

ROOT = Path(__file__).parent.parent


def test_the_public_names_are_sorted() -> None:
    assert motet.__all__ == sorted(motet.__all__)


@pytest.mark.parametrize("name", motet.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(motet, name) is not None
    assert name in dir(motet)


def test_every_public_object_says_what_it_is() -> None:
    objects = [getattr(motet, name) for name in motet.__all__ if name != "__version__"]
    assert [thing for thing in objects if not inspect.getdoc(thing)] == []


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'lod'; it offers Pipeline, __version__, load"):
        _ = motet.lod


def test_importing_motet_imports_no_torch() -> None:
    code = "import sys, motet; motet.__version__; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
