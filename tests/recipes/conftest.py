"""Caches of their own: no test finds what another one, or a user, has encoded."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For one test."""
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def file_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For all tests of a file, and for fixtures that several of them share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
