"""Twelve pictures of noise as files, named after colours."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = ("red", "green", "blue", "grey", "pink", "brown", "black", "white", "teal", "gold", "navy", "lime")


def save_noise(folder: Path) -> dict[str, str]:
    """Writes ``red.png`` and so on; returns the split of each colour, four of which are held out."""
    rng = np.random.default_rng(0)
    for colour in COLOURS:
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / f"{colour}.png")
    return {colour: "train" if i % 3 else "held_out" for i, colour in enumerate(COLOURS)}
