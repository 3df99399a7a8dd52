"""Labels: a text that is known of a segment as a whole and places no tokens, as a class is in DiT and ACDiT.

    text in the sequence   <|document|> a red fox <|image|> x x x x <|/image|> <|end|>
    text as a label        <|document|> <|image|> x x x x <|/image|> <|end|>              each x also knows "a red fox"

A label is part of the condition of noised tokens and of nothing else, so clean tokens are the same under any label. A
label without ids is that of no text at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from motet.sequence.segment import Segment

NO_LABEL = -1
"""The label of a token that has none, and what stands behind the ids of a short label."""


@dataclass(frozen=True)
class Labels:
    """The labels of a batch.

    ids: of each label, ``NO_LABEL`` behind the shorter ones; of: which of them each token has.
    """

    ids: Int[Tensor, "k m"]
    of: Int[Tensor, "b t"]

    @staticmethod
    def gathered(labels: Sequence[Tensor], of: Int[Tensor, "b t"]) -> "Labels | None":
        """Of labels one by one; None if there is not a single one."""
        return Labels(pad_sequence(list(labels), True, NO_LABEL), of) if labels else None

    def to(self, device: torch.device | str) -> "Labels":
        return Labels(self.ids.to(device), self.of.to(device))


def labelled(segments: Sequence[Segment], by: str) -> list[Segment]:
    """Segments named ``by`` that stand right before another become its label; all others stay as they are."""
    kept: list[Segment] = []
    for segment in segments:
        if segment.modality != by:
            kept, label = split_label(kept, by)
            segment = replace(segment, label=label)
        kept.append(segment)
    return kept


def split_label(segments: Sequence[Segment], by: str) -> tuple[list[Segment], Int[Tensor, " m"]]:
    """The segments without those named ``by`` at their end, and the ids of these."""
    n = len(segments)
    while n and segments[n - 1].modality == by:
        n -= 1
    ids = [segment.values for segment in segments[n:]]
    return list(segments[:n]), torch.cat(ids) if ids else torch.empty(0, dtype=torch.long)
