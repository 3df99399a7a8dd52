"""The legend of every shape in the project.

    b rows     t tokens in a row     d model dim      h heads      e head dim
    c channels of a value            n span length    k items      a position axes

Values are what a codec makes of raw data: ids ``Int[n]`` or latents ``Float[n c]``.
Time runs from 0 = noise to 1 = data everywhere.
"""

from pathlib import Path
from typing import TypeAlias

from PIL import Image
from torch import Tensor

Raw: TypeAlias = str | Image.Image
"""One raw piece of a prompt or an answer: a text or a picture."""

Values: TypeAlias = Tensor
"""``Int[Tensor, "n"]`` for discrete tokens, ``Float[Tensor, "n c"]`` for continuous latents."""

PathLike: TypeAlias = str | Path

N_AXES = 4
"""Position axes of every token: index in the document, then frame, row and column of its grid (0 where it has none)."""
