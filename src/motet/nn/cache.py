"""The cache: keys and values with their tags and positions, so that the one attention rule masks them too.

A row is one branch of one request. Every forward writes its new tokens behind a row's filled slots; committing moves
the fill mark past them, peeking leaves it where it was and wipes their tags, so that the next write lands on top.

Where all fill marks are equal, a write is one copy instead of a scatter. So rows that hold fewer tokens are filled up
with empty slots, which nobody sees, as long as that wastes little.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from motet.sequence import NO_DOCUMENT, Tags
from motet.types import N_AXES

GROWTH = 32
"""Slots are added in multiples of this, so that growing is rare."""
SLACK = 64
"""So many slots of a row may be empty, or half of them if that is more."""


class Cache:
    """Committed tokens of ``rows`` branches, one document each."""

    def __init__(self, rows: int, *, device: torch.device | str = "cpu"):
        self.tags = Tags.empty(rows, 0, device)
        self.pos = torch.zeros(rows, 0, N_AXES, dtype=torch.long, device=device)
        self.filled = [0] * rows
        self.held = [0] * rows
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}
        self._slots: Tensor | None = None

    @property
    def rows(self) -> int:
        return len(self.filled)

    @property
    def capacity(self) -> int:
        return int(self.pos.shape[1])

    def bytes(self) -> int:
        """Memory held by keys and values."""
        return sum(k.nbytes + v.nbytes for k, v in self.layers.values())

    def open(self, tags: Tags, pos: Int[Tensor, "b n a"]) -> Tags:
        """Makes room for ``n`` new tokens a row and places their tags; returns the tags of all keys in reach."""
        n = int(pos.shape[1])
        self._grow(max(self.filled) + n)
        start = torch.tensor(self.filled, device=pos.device)
        self._slots = start[:, None] + torch.arange(n, device=pos.device)
        row = torch.arange(self.rows, device=pos.device)[:, None]
        self.tags.doc[row, self._slots] = tags.doc
        self.tags.block[row, self._slots] = tags.block
        self.tags.public[row, self._slots] = tags.public
        self.pos[row, self._slots] = pos
        return self.tags[:, : max(self.filled) + n]

    def reach(self, tags: Tags) -> Tags:
        """The tags of all keys in reach as ``open`` returned them, where the new tokens have these tags instead."""
        assert self._slots is not None, "open the cache before asking for what it holds"
        row = torch.arange(self.rows, device=self.pos.device)[:, None]
        stop = max(self.filled) + int(self._slots.shape[1])
        doc, block, public = self.tags.doc.clone(), self.tags.block.clone(), self.tags.public.clone()
        doc[row, self._slots], block[row, self._slots], public[row, self._slots] = tags.doc, tags.block, tags.public
        return Tags(doc, block, public)[:, :stop]

    def write(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Writes new ``k, v [b, kv, n, e]`` of one layer; returns all that this forward attends to."""
        assert self._slots is not None, "open the cache before writing to it"
        n = k.shape[2]
        if layer not in self.layers:
            shape = (self.rows, k.shape[1], self.capacity, k.shape[3])
            self.layers[layer] = (k.new_zeros(shape), v.new_zeros(shape))
        keys, values = self.layers[layer]
        if min(self.filled) == max(self.filled):
            keys.narrow(2, self.filled[0], n).copy_(k)
            values.narrow(2, self.filled[0], n).copy_(v)
        else:
            row = torch.arange(self.rows, device=k.device)[:, None]
            keys[row, :, self._slots] = k.transpose(1, 2)
            values[row, :, self._slots] = v.transpose(1, 2)
        stop = max(self.filled) + n
        return keys.narrow(2, 0, stop), values.narrow(2, 0, stop)

    def close(self, committed: Sequence[int]) -> None:
        """Keeps the first ``committed[r]`` of row r's new tokens and forgets the others."""
        assert self._slots is not None, "open the cache before closing it"
        for row, kept in enumerate(committed):
            self.filled[row] += kept
            self.held[row] += kept
            self.tags.doc[row, self.filled[row] :] = NO_DOCUMENT
        self._slots = None
        top = max(self.filled)
        if all(top - held <= max(SLACK, top // 2) for held in self.held if held):
            self.filled = [top] * self.rows

    def forget(self, row: int) -> None:
        """Empties a row."""
        if self.held[row]:
            self.tags.doc[row] = NO_DOCUMENT
        self.filled[row] = self.held[row] = 0

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all rows but these."""
        index = torch.tensor(list(rows), dtype=torch.long, device=self.pos.device)
        self.tags, self.pos = self.tags[index], self.pos[index]
        self.layers = {layer: (k[index], v[index]) for layer, (k, v) in self.layers.items()}
        self.filled = [self.filled[row] for row in rows]
        self.held = [self.held[row] for row in rows]

    def _grow(self, need: int) -> None:
        if need < self.capacity:  # a slot stays free: a compiled step would be compiled anew for a cache without one
            return
        extra = -(-max(need, self.capacity * 3 // 2) // GROWTH) * GROWTH - self.capacity
        self.tags = self.tags.filled_up(self.capacity + extra)
        self.pos = torch.cat([self.pos, self.pos.new_zeros(self.rows, extra, N_AXES)], 1)

        def grown(x: Tensor) -> Tensor:
            return torch.cat([x, x.new_zeros(x.shape[0], x.shape[1], extra, x.shape[3])], 2)

        self.layers = {layer: (grown(k), grown(v)) for layer, (k, v) in self.layers.items()}
