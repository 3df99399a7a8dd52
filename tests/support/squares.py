"""Coloured squares with their names: a corpus that any recipe for text and pictures learns."""

from collections.abc import Mapping

from PIL import Image

from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (40, 60, 230), "grey": (120, 120, 120)}
PLAIN = {name: name for name in ("red", "green", "blue", "white")}
"""Others, as Pillow names them."""


def squares(side: int = 16, colours: Mapping[str, str | tuple[int, int, int]] = COLOURS) -> Corpus:
    """One square of each colour, to learn from and to be judged on."""
    documents = tuple(
        Document(name, (Part("text", f"a {name} square"), Part("image", Image.new("RGB", (side, side), colour))), name)
        for name, colour in colours.items()
    )
    return Corpus("squares", Split(documents, (side, side)), Split(documents, (side, side)))
