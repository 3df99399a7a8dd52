"""Pictures of documents as one array of pixels, decoded once and kept on disk.

Decoding and resizing cost more than a training step's worth of time, so it is done once for each size and set of
documents; the array is a memory map, so a large folder need not fit into memory.
"""

import errno
import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from motet.codecs.pixels import from_bytes
from motet.data.cache import cache_folder
from motet.data.document import CHECK_FIRST, Document, load_checked
from motet.data.picture import fit
from motet.data.problem import unreadable
from motet.errors import DataError
from motet.whole import whole

Progress = Callable[[int, int], None]
"""Told how many of how many items are done."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Pixels:
    """Pictures of documents: ``array`` uint8 [n, height, width, 3]; ``first[d]`` is where document d's begin."""

    array: np.ndarray
    first: tuple[int, ...]
    digest: str

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, index: Sequence[int] | np.ndarray) -> Float[Tensor, "b 3 y x"]:
        """These pictures, in -1 to 1."""
        chosen = torch.from_numpy(np.ascontiguousarray(self.array[np.asarray(index, dtype=np.int64)]))
        return from_bytes(chosen.permute(0, 3, 1, 2)).contiguous()

    def picture(self, index: int) -> Image.Image:
        return Image.fromarray(np.asarray(self.array[index]))


def load_pixels(documents: Sequence[Document], size: tuple[int, int], *, progress: Progress | None = None) -> Pixels:
    """Every picture of ``documents``, in order, fitted to ``size`` = (height, width).

    Raises DataError (naming the document and the reason) for a picture that cannot be used, and for a cache without
    room for them.
    """
    counts = [sum(part.modality == "image" for part in document.parts) for document in documents]
    first = tuple(int(n) for n in np.concatenate([[0], np.cumsum(counts)])[:-1]) if counts else ()
    digest = _digest(documents, size)
    path = cache_folder() / "pixels" / f"{digest}.npy"
    shape = (sum(counts), *size, 3)
    if path.is_file():
        array = np.load(path, mmap_mode="r")
        if array.shape == shape:
            return Pixels(array, first, digest)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            _write(partial, documents, shape, progress)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise DataError(
            f"the {math.prod(shape):,} bytes of decoded pictures cannot be kept in {path.parent} ({error}); "
            "make room there, or set $MOTET_CACHE to a folder that has it"
        ) from error
    return Pixels(np.load(path, mmap_mode="r"), first, digest)


def _write(
    path: Path, documents: Sequence[Document], shape: tuple[int, int, int, int], progress: Progress | None
) -> None:
    """An .npy file of every picture, one after the other. Raises OSError if the disk has no room for them.

    They are written, not stored into a memory map: a store that finds the disk full kills the process by a signal.
    """
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        _reserve(file.fileno(), file.tell() + math.prod(shape))
        for number, document in enumerate(documents):
            for modality, value in load_checked(document):
                if modality == "image":
                    assert isinstance(value, Image.Image)
                    file.write(fit(value, shape[1:3]).tobytes())
            if progress is not None:
                progress(number + 1, len(documents))
        file.flush()
        os.fsync(file.fileno())  # what has its name is trusted, so the pixels must be there first


def _reserve(file: int, length: int) -> None:
    """Take the room where the system can, so that a full disk is told before the work and not in its middle."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file, 0, length)
    except OSError as error:
        if error.errno in _NO_ROOM:  # else this file system reserves nothing, and writing will tell
            raise


def _digest(documents: Sequence[Document], size: tuple[int, int]) -> str:
    """A hash of which pictures these are: a file by path, size and time of change, one in memory by its bytes."""
    digest = hashlib.sha256(json.dumps(size).encode())
    for document in documents:
        digest.update(document.id.encode("utf-8", "surrogatepass"))
        for part in document.parts:
            if part.modality != "image":
                continue
            if isinstance(part.value, Image.Image):
                digest.update(f"{part.value.mode} {part.value.size}".encode() + part.value.tobytes())
            elif isinstance(part.value, Path):
                try:
                    stat = part.value.stat()
                except (OSError, ValueError) as error:  # ValueError: a NUL or half a character in the name
                    raise DataError(
                        f"{document.id}: the picture {unreadable(part.value, error)}. {CHECK_FIRST}"
                    ) from error
                facts = f"{part.value.resolve()} {stat.st_size} {stat.st_mtime_ns}"
                digest.update(facts.encode("utf-8", "surrogatepass"))
            else:
                digest.update(part.value.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:24]
