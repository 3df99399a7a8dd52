"""What tests of measures share."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class _Watching(TorchDispatchMode):
    """Notes the most numbers in double precision that any one tensor held."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and out.dtype == torch.float64:
            self.most = max(self.most, out.numel())
        return out


@pytest.fixture
def most_doubles() -> Callable[[Callable[[], object]], int]:
    """The most numbers in double precision that any one tensor holds while something is called."""

    def watched(call: Callable[[], object]) -> int:
        with _Watching() as watching:
            call()
        return watching.most

    return watched
