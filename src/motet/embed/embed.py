"""What every embedding can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class Tokens(NamedTuple):
    """Tokens of one modality in document order, as they are placed.

    values: ids ``[n]`` or latents ``[n, c]``; pos: (index, frame, row, column); time: of noised tokens, 0 noise to
    1 data, NaN where a token is clean; masked: those that must not show their value; doc: the number of the document.
    """

    values: Tensor
    pos: Int[Tensor, "n a"]
    time: Float[Tensor, " n"]
    masked: Bool[Tensor, " n"]
    doc: Int[Tensor, " n"]


class Embed(nn.Module, ABC):
    """Values of one modality -> model width."""

    @property
    def views(self) -> Mapping[str, "Embed"]:
        """Names of further spans that belong to the modality and are only read, each with how it enters."""
        return {}

    @abstractmethod
    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]: ...
