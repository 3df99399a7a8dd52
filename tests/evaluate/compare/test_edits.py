"""Edits are judged by the true picture after them: one drawn as it should be is right, an unchanged one is not."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from motet.data.document import Document, Part
from motet.data.scenes.item import item_of
from motet.data.scenes.source import ScenesSource
from motet.evaluate.compare import edits
from motet.evaluate.compare.edits import edit_numbers, is_edit
from motet.evaluate.judge.judge import Reading

EDITS = ScenesSource("kind=edits,size=32,n=20").documents("train")


def stacked(pictures: Sequence[Image.Image]) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(one) for one in pictures])).permute(0, 3, 1, 2).contiguous()


class Judge:
    """Reads each picture as it is told to."""

    def __init__(self, readings: list[Reading]):
        self.readings = readings

    def read_many(self, pictures: Tensor) -> list[Reading]:
        assert len(pictures) == len(self.readings)
        return self.readings


def test_only_a_read_picture_a_read_instruction_and_a_learned_picture_make_an_edit():
    picture, words = Part("image", Image.new("RGB", (8, 8))), Part("text", "make it red")
    read, told = Part("image", Image.new("RGB", (8, 8)), learn=False), Part("text", "make it red", learn=False)
    assert is_edit(Document("x", (read, told, picture)))
    for parts in ((words, picture), (read, told, words), (picture, told, picture), (read, told, read)):
        assert not is_edit(Document("x", parts))


@pytest.mark.parametrize(("drawn", "share"), [("after", 1.0), ("before", 0.0)])
def test_what_the_judge_sees_is_held_against_the_true_scene(
    monkeypatch: pytest.MonkeyPatch, drawn: str, share: float
) -> None:
    changes = [item_of(document.id).edit for document in EDITS]
    readings = [Reading(getattr(change, drawn).things) for change in changes if change is not None]
    monkeypatch.setattr(edits, "load_judge", lambda sprites: Judge(readings))
    at = 0 if drawn == "before" else 2
    found = edit_numbers(EDITS, stacked([document.parts[at].load() for document in EDITS]))
    assert found["edits"] == share
    assert found["edits_copied"] < 40 < 70, "an edit is visible"
    assert found["edits_psnr"] > 70 if drawn == "after" else found["edits_psnr"] == found["edits_copied"]


def test_edits_of_other_data_are_told_by_likeness_alone_at_the_size_of_what_is_drawn():
    before, after = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    document = Document("mine", (Part("image", before), Part("text", "make it blue"), Part("image", after)))
    found = edit_numbers([document], stacked([Image.new("RGB", (16, 16), "blue")]))
    assert found.keys() == {"edits_psnr", "edits_copied"} and found["edits_psnr"] > 40 > found["edits_copied"]
