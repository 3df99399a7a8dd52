"""Picture files that commands write. A place is judged before the work, so that no work is lost to a name."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from motet.data.picture import SUFFIXES
from motet.errors import DataError

LONGEST = {".webp": 16_383, ".jpg": 65_500, ".jpeg": 65_500}
"""The longest side that files of a format can have, where people come near it."""


def check_place(path: Path, size: tuple[int, int] = (1, 1)) -> None:
    """Look whether a picture of ``size`` = (width, height) can be written there; nothing is made.

    Raises:
        DataError: a suffix of no picture format, a picture that is too long for it, or a folder that cannot be written
            to.
    """
    if path.suffix.lower() not in SUFFIXES:
        ending = f"it ends in {path.suffix}" if path.suffix else "its name has no ending"
        raise DataError(
            f"the picture {path} cannot be written: {ending}; give a name such as out.png, with one of "
            + ", ".join(sorted(SUFFIXES))
        )
    if max(size) > (most := LONGEST.get(path.suffix.lower(), max(size))):
        raise DataError(
            f"the picture {path} cannot be written: it would have {size[0]:,} x {size[1]:,} pixels, and a side in "
            f"{path.suffix} has {most:,} at most; give a name that ends in .png, or fewer prompts"
        )
    there = next(folder for folder in path.absolute().parents if os.path.exists(folder))
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise DataError(f"the picture {path} cannot be written: {there} takes no new files; give another place")


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format that its suffix names, making its folder.

    Raises:
        DataError: a suffix of no picture format, or a place that cannot be written to.
    """
    check_place(path, picture.size)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    except (OSError, ValueError) as error:
        raise DataError(f"the picture {path} cannot be written ({error}); give a name such as out.png") from error
