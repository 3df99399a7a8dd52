"""One number of one seed: its scene, its words, its task. A document's id says how it was made, so it can be again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from random import Random

from motet.data.scenes.caption import caption, expected
from motet.data.scenes.compose import LEVELS, compose
from motet.data.scenes.edits import Edit, edit
from motet.data.scenes.expectation import Expectation
from motet.data.scenes.held_out import is_held_out
from motet.data.scenes.questions import Question, ask
from motet.data.scenes.scene import Scene
from motet.data.scenes.vocabulary import VOCABULARIES, Vocabulary
from motet.errors import DataError

_MIXTURES = {
    "told": {"caption": 0.7, "questions": 0.3},
    "mixed": {"caption": 0.6, "questions": 0.25, "edits": 0.15},
}
"""The shares of the kinds of documents in a mixture."""
KINDS = ("caption", "questions", "edits", *_MIXTURES)
EVERY = 20
"""One document in this many is held out."""


@dataclass(frozen=True)
class Address:
    """What an item depends on, and nothing else. ``str()`` is the document's id, and ``read_address`` its inverse."""

    kind: str
    levels: tuple[int, int]
    sprites: str
    lattice: int
    seed: int
    number: int

    def __str__(self) -> str:
        low, high = self.levels
        return f"scenes/{self.kind}/{low}-{high}/{self.sprites}/{self.lattice}/{self.seed}/{self.number}"


@dataclass(frozen=True)
class Item:
    """What a document says and shows. ``scene`` is its first picture; ``kind`` is never a mixture."""

    address: Address
    kind: str
    level: int
    scene: Scene
    caption: str
    expectation: Expectation
    """What the caption demands."""
    held_out: bool
    question: Question | None = None
    edit: Edit | None = None


def item_at(address: Address) -> Item:
    """The item at an address. One in twenty shows a held-out composition; the others show none."""
    vocabulary = VOCABULARIES[address.sprites]
    rng = Random(f"motet scenes 0: {address.seed} {address.number}")
    level = rng.randint(*address.levels)
    shares = _MIXTURES.get(address.kind, {address.kind: 1.0})
    kind = rng.choices(tuple(shares), tuple(shares.values()))[0] if len(shares) > 1 else address.kind
    held_out = address.number % EVERY == EVERY - 1
    for attempt in count():
        task = Random(f"motet {kind} 0: {address.seed} {address.number} {attempt}")
        scene, telling = compose(level, vocabulary, rng, address.lattice)
        if held_out and not telling.colours:
            continue  # a held-out caption must say what is new about the picture
        change = edit(scene, vocabulary, task) if kind == "edits" else None
        shown = (change.before, change.after) if change else (scene,)
        # of an edit, the picture that is drawn is the one that must be new
        new = [is_held_out(one, vocabulary.name) for one in shown]
        if new[-1] if held_out else not any(new):
            break
    question = ask(scene, vocabulary, task) if kind == "questions" else None
    words = caption(scene, telling, vocabulary)
    return Item(address, kind, level, scene, words, expected(scene, telling), held_out, question, change)


def item_of(id: str) -> Item:
    """The item of a document, by the document's id."""
    return item_at(read_address(id))


def scene_of(id: str) -> Scene:
    """The scene of a document's first picture, by the document's id."""
    return item_of(id).scene


def vocabulary_of_item(item: Item) -> Vocabulary:
    """The words that an item is told in."""
    return VOCABULARIES[item.address.sprites]


def read_address(id: str) -> Address:
    """The address that a document's id is.

    Raises:
        DataError: no id of a scene.
    """
    try:
        head, kind, levels, sprites, lattice, seed, number = id.split("/")
        low, high = (int(level) for level in levels.split("-"))
        address = Address(kind, (low, high), sprites, int(lattice), int(seed), int(number))
        known = (
            head == "scenes" and kind in KINDS and sprites in VOCABULARIES and LEVELS[0] <= low <= high <= LEVELS[-1]
        )
    except ValueError as error:
        raise DataError(_no_address(id)) from error
    if not known:
        raise DataError(_no_address(id))
    return address


def _no_address(id: str) -> str:
    return (
        f"{id!r} is no id of a scene; expected scenes/KIND/LOW-HIGH/SPRITES/LATTICE/SEED/NUMBER, as in a document of "
        "`scenes`"
    )
