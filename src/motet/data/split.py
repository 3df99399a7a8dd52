"""Splits: which documents are held out, by names and hashes, so that the answer never depends on order or seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

from motet.data.document import Document
from motet.data.problem import ItemError, Reason

TRAIN, HELD_OUT = "train", "held_out"

_NAMES = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("held_out", "validation", "valid", "val", "dev", "test"), HELD_OUT),
}

_SHARE, _AT_MOST = 0.05, 500


def named_split(name: object) -> str:
    """The split that a data set's own word means.

    Raises:
        ItemError: a word that is not one of the usual names of a split.
    """
    if isinstance(name, str) and name.strip().lower() in _NAMES:
        return _NAMES[name.strip().lower()]
    raise ItemError(Reason.INVALID_ENTRY, f"split {name!r} is not one of {', '.join(_NAMES)}")


def is_split(name: str) -> bool:
    """Whether a word names a split."""
    return name.strip().lower() in _NAMES


def place(key: str) -> float:
    """A fixed place in [0, 1) for a name, the same on every machine and in every version."""
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()) / 2**64


def hold_out(documents: Sequence[Document], keys: Sequence[str]) -> list[Document]:
    """Hold out about 5 % of the keys by a hash of them: at least one of two or more, at most 500.

    Documents with the same key land on the same side. A key of more than half of the documents is trained on, and where
    only one is held out, it is of as few documents as any.
    """
    sizes = Counter(keys)
    places = {key: place(key) for key, n in sizes.items() if 2 * n <= len(keys)}
    ranked = sorted(places, key=lambda key: (places[key], key))
    chosen = {key for key in ranked[:_AT_MOST] if places[key] < _SHARE}
    if not chosen and ranked:
        chosen = {min(ranked, key=lambda key: sizes[key])}
    return [replace(doc, split=HELD_OUT if key in chosen else TRAIN) for doc, key in zip(documents, keys, strict=True)]


def divided(documents: Sequence[Document], keys: Sequence[str]) -> list[Document]:
    """The documents as they name their splits, if one is named as held out; else some are held out (``hold_out``).

    A split that is called "train" alone tells nothing of what to judge on: data sets are often given so.
    """
    if any(document.split == HELD_OUT for document in documents):
        return list(documents)
    return hold_out(documents, keys)


def joined(names: Sequence[Sequence[str]]) -> list[str]:
    """One key for each: items that share a name, be it through others, get the same one, the least of all their names.

    No item is without a name.
    """
    less: dict[str, str] = {}  # towards the least name of all that are linked

    def least(name: str) -> str:
        while less.setdefault(name, name) != name:
            less[name] = less[less[name]]
            name = less[name]
        return name

    for first, *others in names:
        for other in others:
            low, high = sorted((least(first), least(other)))
            less[high] = low
    return [least(first) for first, *_ in names]
