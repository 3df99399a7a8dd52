"""A program that is listened to while it runs."""

from typing import Any

from torch import Tensor

from motet.sequence import Draw, Program, Verb

Heard = list[tuple[Verb, Any]]
"""What a program asked, each with the answer, in order."""


def listening(program: Program, heard: Heard) -> Program:
    """The same program; what is asked and answered is added to ``heard``."""
    reply = None
    while True:
        try:
            asked = program.send(reply)
        except StopIteration as end:
            return end.value
        reply = yield asked
        heard.append((asked, reply))


def drawn_from(heard: Heard, modality: str) -> list[Tensor]:
    """The hidden states of each draw of a modality."""
    return [asked.hidden for asked, _ in heard if isinstance(asked, Draw) and asked.modality == modality]
