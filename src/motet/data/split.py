"""Splits: which documents are held out, by names and hashes, so that the answer never depends on order or seed."""

from __future__ import annotations

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
    """Hold out about 5 % of the documents by a hash of their keys: at least one of two or more, at most 500.

    Documents with the same key land on the same side.
    """
    places = {key: place(key) for key in keys}
    ranked = sorted(places, key=lambda key: (places[key], key))
    chosen = {key for key in ranked[:_AT_MOST] if places[key] < _SHARE}
    if not chosen and len(ranked) > 1:
        chosen = {ranked[0]}
    return [replace(doc, split=HELD_OUT if key in chosen else TRAIN) for doc, key in zip(documents, keys, strict=True)]
