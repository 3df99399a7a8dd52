"""Edits: from a picture and an instruction a model draws the picture after it, which is held against the true one."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from motet.data.document import Document
from motet.data.picture import fit
from motet.data.scenes.item import item_of
from motet.evaluate.judge.accuracy import agrees
from motet.evaluate.judge.judge import load_judge
from motet.evaluate.judged import IMAGE
from motet.evaluate.reconstruction import psnr
from motet.model import TEXT


def is_edit(document: Document) -> bool:
    """Whether a document is a picture and an instruction, which are only read, and a picture that is learned."""
    parts = [(part.modality, part.learn) for part in document.parts]
    return parts == [(IMAGE, False), (TEXT, False), (IMAGE, True)]


def edit_numbers(documents: Sequence[Document], drawn: UInt8[Tensor, "n 3 h w"]) -> dict[str, float]:
    """How right drawn pictures are, each the answer to its document.

    edits: of ``scenes``, the share in which the judge sees all that the true picture shows, where it shows it, and
    nothing else. edits_psnr: their likeness to the true pictures; edits_copied: that of the pictures that were given,
    which a model that changes nothing would reach.
    """
    size = (int(drawn.shape[2]), int(drawn.shape[3]))
    before, after = (_pictures([document.parts[at].load() for document in documents], size) for at in (0, 2))
    numbers = {"edits_psnr": float(psnr(drawn, after).mean()), "edits_copied": float(psnr(before, after).mean())}
    if all(document.id.startswith("scenes/") for document in documents):
        items = [item_of(document.id) for document in documents]
        scenes = [item.edit.after for item in items if item.edit is not None]
        seen = load_judge(items[0].address.sprites).read_many(drawn)
        right = [agrees(reading, scene) for reading, scene in zip(seen, scenes, strict=True)]
        numbers["edits"] = sum(right) / len(right)
    return numbers


def _pictures(raws: Sequence[object], size: tuple[int, int]) -> UInt8[Tensor, "n 3 h w"]:
    """The pictures as a model of this size sees them."""
    arrays = [np.asarray(fit(raw, size)) for raw in raws if isinstance(raw, Image.Image)]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()
