"""Small pictures to make data sets of, and a cache outside of the data."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Paint = Callable[..., Path]


@pytest.fixture
def paint(tmp_path: Path) -> Paint:
    """Saves a picture of one colour at a path below the test's folder, and says where."""

    def save(name: str, colour: object = "red", *, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, colour).save(path)
        return path

    return save


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty at first; not below the test's folder, where its data are."""
    path = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MOTET_CACHE", str(path))
    return path
