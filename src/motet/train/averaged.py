"""The state in which a model is looked at: averaged weights, eval mode, no gradients; all as it was afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from motet.train.ema import Ema
from motet.train.hardware import Machine


@contextmanager
def averaged(ema: Ema, machine: Machine) -> Iterator[None]:
    """Around evaluation and previews. Each part's train or eval mode is given back, also after an error."""
    modes = {part: part.training for part in ema.module.modules()}
    # Shapes that are seen once are not worth compiling for.
    stance = torch.compiler.set_stance("eager_on_recompile") if machine.compile else nullcontext()
    # The swap is outermost: autocast keeps bf16 copies of the weights that it has seen.
    with ema.swapped(), torch.no_grad(), machine.autocast(), stance:
        ema.module.eval()
        try:
            yield
        finally:
            for part, training in modes.items():
                part.training = training
