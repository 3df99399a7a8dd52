"""Pictures of documents, decoded once and kept on disk."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from motet.data.document import Document, Part
from motet.data.pixels import load_pixels
from motet.errors import DataError
from motet.whole import whole


@pytest.fixture(autouse=True)
def cache(cache: Path) -> Path:
    """Where pixels lie in it."""
    return cache / "pixels"


@pytest.fixture
def documents(paint: Callable[..., Path]) -> list[Document]:
    """One with two pictures, one with none, one with a third: their left halves are red, their right halves differ."""
    parts = []
    for name, right in (("a.png", "lime"), ("b.png", "blue"), ("c.png", "black")):
        path = paint(name, "red", size=(8, 4))
        with Image.open(path) as image:
            image.paste(right, (4, 0, 8, 4))
            image.save(path)
        parts.append(Part("image", path))
    text = Part("text", "a flag")
    return [Document("two", (parts[0], text, parts[1])), Document("none", (text,)), Document("one", (text, parts[2]))]


def test_pictures_are_kept_in_order_and_decoded_once(documents: list[Document], cache: Path) -> None:
    done: list[int] = []
    pixels = load_pixels(documents, (4, 8), progress=lambda n, _: done.append(n))
    assert (pixels.array.shape, pixels.first, done) == ((3, 4, 8, 3), (0, 2, 2), [1, 2, 3])
    assert (pixels.array[:, :, :4] == (255, 0, 0)).all()
    assert pixels.array[:, 0, 7].tolist() == [[0, 255, 0], [0, 0, 255], [0, 0, 0]]
    assert len(list(cache.iterdir())) == 1
    again = load_pixels(documents, (4, 8), progress=lambda n, _: done.append(n))
    assert np.array_equal(again.array, pixels.array) and len(done) == 3


def test_a_disk_without_room_is_told_before_anything_is_decoded(
    documents: list[Document], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, offset: int, length: int) -> None:
        assert length - 3 * 4 * 8 * 3 in range(64, 257), "the pixels and a header"
        raise OSError(errno.ENOSPC, "No space left on device")

    done: list[int] = []
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(DataError, match=rf"^the 288 bytes .* in {re.escape(str(cache))} .*No space.*\$MOTET_CACHE"):
        load_pixels(documents, (4, 8), progress=lambda n, _: done.append(n))
    assert not done and not list(cache.iterdir())


def test_a_file_system_that_reserves_nothing_is_written_to(
    documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(file: int, offset: int, length: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unable, raising=False)
    assert len(load_pixels(documents, (4, 8))) == 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_disk_that_fills_meanwhile_is_an_error_and_leaves_nothing(documents: list[Document], cache: Path) -> None:
    load_pixels(documents, (4, 8))
    (path,) = cache.iterdir()
    with whole(path) as partial:
        partial.touch()
    path.unlink()
    partial.symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"No space left.*make room there, or set \$MOTET_CACHE"):
        load_pixels(documents, (4, 8))
    assert not list(cache.iterdir())
