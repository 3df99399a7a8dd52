"""Blocks for the tokens that show their values: the encoder of a masked autoencoder (He et al. 2022; MAR, 2406.11838).

The first blocks of such a backbone run on unmasked tokens only; masked ones join behind them, as they were embedded.
There are two ways to compute it, equal for every token but padding:

- masked tokens are dropped, what is left of the documents runs in fewer rows, and all is put back: training;
- masked tokens stay where they are, but nobody sees them, and they leave as they came: with a cache, whose slots are
  those of whole spans.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from motet.nn.attention import Context
from motet.nn.block import Aux, Block, through
from motet.nn.rope import Rotation
from motet.sequence import NO_DOCUMENT, Tags
from motet.sequence.pack import assign

ROWS_STEP = 4
"""Batches without their masked tokens have a multiple of so many rows, so that few shapes are compiled."""


class Unmasked(Block):
    """``blocks`` for unmasked tokens; masked ones pass by."""

    def __init__(self, blocks: Sequence[Block]):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Float[Tensor, "b t d"], ctx: Context) -> tuple[Float[Tensor, "b t d"], Aux]:
        return self.dropped(x, ctx) if ctx.cache is None else self.unseen(x, ctx)

    def unseen(self, x: Float[Tensor, "b t d"], ctx: Context) -> tuple[Float[Tensor, "b t d"], Aux]:
        """Masked tokens are keys for nobody, and leave as they came."""
        assert ctx.tags is not None and ctx.masked is not None, "the backbone tells which tokens are masked"
        tags = replace(ctx.tags, doc=ctx.tags.doc.masked_fill(ctx.masked, NO_DOCUMENT))
        seen = tags if ctx.cache is None else ctx.cache.reach(tags)
        made, aux = through(self.blocks, x, replace(ctx, mask=ctx.backend.mask(tags, seen), tags=tags))
        return torch.where(ctx.masked[..., None], x, made), aux

    def dropped(self, x: Float[Tensor, "b t d"], ctx: Context) -> tuple[Float[Tensor, "b t d"], Aux]:
        """Masked tokens, and padding, are left out: the other tokens of each document are packed anew."""
        assert ctx.tags is not None and ctx.masked is not None, "the backbone tells which tokens are masked"
        assert ctx.condition is None, "modulated blocks read a condition for each token of the fuller rows"
        rows, length = ctx.masked.shape
        anew = _Anew(ctx.tags.doc, ctx.masked)
        tags = Tags(
            anew.packed(anew.document, empty=NO_DOCUMENT),
            anew.packed(ctx.tags.block.flatten()[anew.source]),
            anew.packed(ctx.tags.public.flatten()[anew.source]),
        )
        turns = (anew.packed(turn[:, 0].flatten(0, 1)[anew.source])[:, None] for turn in ctx.rotation)
        mask, masked = ctx.backend.mask(tags, tags), torch.zeros_like(tags.public)
        inner = replace(ctx, mask=mask, rotation=Rotation(*turns), tags=tags, masked=masked)
        flat = x.flatten(0, 1)
        made, aux = through(self.blocks, anew.packed(flat[anew.source]), inner)
        back = made.flatten(0, 1)[anew.place]
        return flat.to(back.dtype).index_copy(0, anew.source, back).view(rows, length, -1), aux

    def rows(self, tags: Tags, masked: Bool[Tensor, "b t"]) -> int:
        """Those that hold what is left without masked tokens."""
        return _Anew(tags.doc, masked).rows

    def compile(self, *args: object, **kwargs: object) -> None:
        """Compiles the blocks inside, one by one: packing anew is not for a compiler."""
        for block in self.blocks:
            block.compile(*args, **kwargs)


class _Anew:
    """Where the tokens that stay come from and go to.

    source: flat index of each in the old rows; document: its document, numbered over the batch; place: flat index in
    the new rows, which have the old length.
    """

    def __init__(self, doc: Int[Tensor, "b t"], masked: Bool[Tensor, "b t"]):
        rows, self.length = doc.shape
        self.source = (~masked & (doc != NO_DOCUMENT)).flatten().nonzero()[:, 0]
        of = doc.flatten()[self.source] + self.source // self.length * (doc.max() + 1)  # rows may number alike
        _, self.document, sizes = of.unique(return_inverse=True, return_counts=True)
        order = self.document.argsort(stable=True)
        self.source, self.document = self.source[order], self.document[order]
        begins, needed = self._lay(sizes.tolist())
        self.rows = max(needed, min(rows, -(-needed // ROWS_STEP) * ROWS_STEP))
        within = torch.arange(len(order), device=doc.device) - (sizes.cumsum(0) - sizes)[self.document]
        self.place = torch.tensor(begins, device=doc.device)[self.document] + within

    def _lay(self, sizes: Sequence[int]) -> tuple[list[int], int]:
        """Flat index at which each document begins, and how many rows they take."""
        chosen = assign(sizes, len(sizes), self.length)
        assert chosen is not None, "a row for each document is enough"
        filled, begins = [0] * len(sizes), []
        for row, size in zip(chosen, sizes, strict=True):
            begins.append(row * self.length + filled[row])
            filled[row] += size
        return begins, max(chosen) + 1

    def packed(self, values: Tensor, empty: int = 0) -> Tensor:
        """``[k, ...]`` of the tokens that stay -> ``[rows, length, ...]``."""
        rows = values.new_full((self.rows * self.length, *values.shape[1:]), empty)
        return rows.index_copy(0, self.place, values).view(self.rows, self.length, *values.shape[1:])
