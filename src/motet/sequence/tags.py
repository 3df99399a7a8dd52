"""Tags, and the one attention rule of the project.

Every token carries three facts. A query sees a key iff they share the document, and they share the block or the key is
public and in an earlier block:

    sees(q, k) = doc[q] == doc[k] and (block[k] == block[q] or (block[k] < block[q] and public[k]))

Text is a block per token; an image denoised jointly is one block; a noised copy is a private block; padding is
document -1.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

NO_DOCUMENT = -1
"""The document of padding and of empty cache slots: no real token shares it."""


@dataclass(frozen=True)
class Tags:
    """Document, block and publicity of every token, each ``[b, t]``."""

    doc: Int[Tensor, "*b t"]
    block: Int[Tensor, "*b t"]
    public: Bool[Tensor, "*b t"]

    @staticmethod
    def empty(rows: int, length: int, device: torch.device | str = "cpu") -> "Tags":
        """Tags of nothing but padding."""
        doc = torch.full((rows, length), NO_DOCUMENT, dtype=torch.long, device=device)
        return Tags(doc, torch.zeros_like(doc), torch.zeros_like(doc, dtype=torch.bool))

    def filled_up(self, length: int, *, doc: int = NO_DOCUMENT) -> "Tags":
        """The same with tokens of no document behind, up to ``length``; ``doc``: one that no padding shares, say."""
        rows, tokens = self.doc.shape
        padding = Tags.empty(rows, length - tokens, self.doc.device)
        return Tags(
            torch.cat([self.doc, torch.full_like(padding.doc, doc)], 1),
            torch.cat([self.block, padding.block], 1),
            torch.cat([self.public, padding.public], 1),
        )

    def to(self, device: torch.device | str) -> "Tags":
        return Tags(self.doc.to(device), self.block.to(device), self.public.to(device))

    def __getitem__(self, index: object) -> "Tags":
        """Index or slice all three alike; token-dropping blocks keep the rule by gathering their tags."""
        return Tags(self.doc[index], self.block[index], self.public[index])  # type: ignore[index]


def sees(query: Tags, key: Tags) -> Bool[Tensor, "*b q k"]:
    """Which keys each query sees, by the rule above."""
    same_doc = query.doc[..., :, None] == key.doc[..., None, :]
    same_block = query.block[..., :, None] == key.block[..., None, :]
    earlier = key.block[..., None, :] < query.block[..., :, None]
    return same_doc & (same_block | (earlier & key.public[..., None, :]))
