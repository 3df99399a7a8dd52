"""Rows of drawn pictures: each stands below the true pictures of its own texts."""

from io import BytesIO

import numpy as np
import torch
from PIL import Image

from motet.evaluate.claims.arm_plots import ENLARGED, drawn_rows
from motet.evaluate.compare.measuring import Shown


def grey(level: int) -> torch.Tensor:
    return torch.full((3, 3, 4, 4), level, dtype=torch.uint8)


def test_an_arm_of_other_texts_has_its_own_true_pictures_above_it() -> None:
    rows = [Shown((), grey(1), grey(10)), Shown((), grey(2), grey(10)), Shown((), grey(3), grey(30))]
    with Image.open(BytesIO(drawn_rows(rows))) as sheet:
        seen = np.asarray(sheet)
    assert seen.shape == (5 * 4 * ENLARGED, 3 * 4 * ENLARGED, 3)
    assert seen[:: 4 * ENLARGED, 0, 0].tolist() == [10, 1, 2, 30, 3]
