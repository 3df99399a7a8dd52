"""Edits: from a picture and an instruction a model draws the picture after it, which is held against the true one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from motet.data.document import Document
from motet.data.picture import fit
from motet.data.scenes.edits import Edit
from motet.data.scenes.item import item_of
from motet.evaluate.judge.accuracy import agrees
from motet.evaluate.judge.judge import Reading, load_judge
from motet.evaluate.judged import IMAGE
from motet.evaluate.reconstruction import psnr
from motet.model import TEXT


def is_edit(document: Document) -> bool:
    """Whether a document is a picture and an instruction, which are only read, and a picture that is learned."""
    parts = [(part.modality, part.learn) for part in document.parts]
    return parts == [(IMAGE, False), (TEXT, False), (IMAGE, True)]


def edit_numbers(documents: Sequence[Document], drawn: UInt8[Tensor, "n 3 h w"]) -> dict[str, float]:
    """How right drawn pictures are, each the answer to its document.

    edits: of ``scenes``, the share that ``carries_out`` its instruction. edits_psnr: their likeness to the true
    pictures, in which an added thing has one place of many; edits_copied: that of the pictures that were given, which a
    model that changes nothing would reach.
    """
    size = (int(drawn.shape[2]), int(drawn.shape[3]))
    before, after = (_pictures([document.parts[at].load() for document in documents], size) for at in (0, 2))
    numbers = {"edits_psnr": float(psnr(drawn, after).mean()), "edits_copied": float(psnr(before, after).mean())}
    if all(document.id.startswith("scenes/") for document in documents):
        items = [item_of(document.id) for document in documents]
        edits = [item.edit for item in items if item.edit is not None]
        seen = load_judge(items[0].address.sprites).read_many(drawn)
        right = [carries_out(reading, edit) for reading, edit in zip(seen, edits, strict=True)]
        numbers["edits"] = sum(right) / len(right)
    return numbers


def carries_out(reading: Reading, edit: Edit) -> bool:
    """Whether the judge sees all that the true picture shows, where it shows it, and nothing else.

    Where the instruction leaves it open, a thing that was added may stand anywhere and have any size.
    """
    if edit.topic != "add":
        return agrees(reading, edit.after)
    kind = edit.after.things[-1].kind
    return any(
        (thing.kind.shape, thing.kind.colour) == (kind.shape, kind.colour)
        and agrees(replace(reading, things=(*reading.things[:i], *reading.things[i + 1 :])), edit.before)
        for i, thing in enumerate(reading.things)
    )


def _pictures(raws: Sequence[object], size: tuple[int, int]) -> UInt8[Tensor, "n 3 h w"]:
    """The pictures as a model of this size sees them."""
    arrays = [np.asarray(fit(raw, size)) for raw in raws if isinstance(raw, Image.Image)]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()
