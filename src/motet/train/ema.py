"""The moving average of the weights, which evaluation, previews and generation use."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from motet.errors import CheckpointError


class Ema:
    """An exponential moving average of the trained parameters of `module`.

    The decay is min(decay, (1 + step) / (10 + step)), so that the first weights, which are random, are soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float):
        self.module = module
        self.decay = decay
        named = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self._names = list(named)
        self._parameters: list[Tensor] = list(named.values())
        self._averages: list[Tensor] = [p.detach().clone() for p in named.values()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the averages towards the weights after the update number `step`, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averages, self._parameters, 1 - decay)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Inside, the module computes with the averages; the weights come back afterwards, also after an error."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def adopt(self) -> None:
        """Make the averages the module's weights, for good: what a stage hands to the next."""
        torch._foreach_copy_(self._parameters, self._averages)

    def state(self) -> dict[str, Tensor]:
        """The averages by parameter name."""
        return dict(zip(self._names, self._averages, strict=True))

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Take over averages; names that are not averaged here (frozen parameters, buffers) are passed over.

        Raises:
            CheckpointError: an averaged parameter is missing from `state`.
        """
        for name, average in zip(self._names, self._averages, strict=True):
            if name not in state:
                raise CheckpointError(
                    f"the averaged weights lack {name!r}: they are of another model; use a new run folder"
                )
            average.copy_(state[name])

    def _swap(self) -> None:
        # Pointers change hands, nothing is copied.
        for parameter, i in zip(self._parameters, range(len(self._averages)), strict=True):
            parameter.data, self._averages[i] = self._averages[i], parameter.data
