"""A tiny objective for the tests of the loop; run as a script it trains until it kills itself."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from motet.train.loop import Budget, TrainSettings, train
from motet.train.objective import Losses, Objective, mix


class TinyModel(nn.Module):
    """Embedding, two blocks with dropout from torch's global generator, tied output."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)) for _ in range(2))
        self.norm = nn.LayerNorm(8)
        self.out = nn.Linear(8, 11, bias=False)
        self.out.weight = self.embed.weight
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, ids: Tensor, noise: Tensor) -> Tensor:
        self.seen += 1
        x = self.embed(ids) + 0.1 * noise
        for block in self.blocks:
            x = x + F.dropout(block(x), 0.2, self.training)
        return self.out(self.norm(x))


class Tiny(Objective):
    """Predicts id * 3 mod 11. `at` maps a cursor to something done when its batch is asked for; `scale` to its loss."""

    def __init__(self, at: dict[int, Any] | None = None, scale: dict[int, float] | None = None):
        torch.manual_seed(0)
        self.module = TinyModel()
        self.at, self.scale = at or {}, scale or {}
        self.cursors: list[int] = []
        self.compiled = False

    def batch(self, cursor: int) -> tuple[Any, int]:
        self.cursors.append(cursor)
        if cursor in self.at:
            self.at[cursor]()
        rng = torch.Generator().manual_seed(mix(7, cursor))
        ids = torch.randint(11, (4, 5), generator=rng)
        return (ids, torch.randn(4, 5, 8, generator=rng), self.scale.get(cursor, 1.0)), cursor + 2 + cursor % 3

    def losses(self, batch: Any) -> Losses:
        ids, noise, scale = batch
        logits = self.module(ids, noise)
        text = F.cross_entropy(logits.flatten(0, 1), (ids * 3 % 11).flatten())
        penalty = 1e-3 * logits.square().mean()
        return Losses((text + penalty) * scale, {"text": text.detach(), "penalty": penalty.detach()}, ids.numel())

    def compile(self) -> None:
        self.compiled = True

    def evaluate(self) -> dict[str, float]:
        # Draws from the global generator on purpose: looking must not change what is learnt.
        torch.rand(3)
        assert not self.module.training
        return {"weight": float(self.module.norm.weight.detach().sum())}

    def preview(self, path: Path) -> None:
        path.write_bytes(b"picture")


def cursors(steps: int) -> list[int]:
    """The cursors of the first `steps` batches."""
    found = [0]
    while len(found) < steps:
        found.append(found[-1] + 2 + found[-1] % 3)
    return found


def settings(**changed: Any) -> TrainSettings:
    """Quick and exactly reproducible."""
    return TrainSettings(**{"lr": 0.01, "warmup": 4, "precision": "fp32", "checkpoint_steps": 5, **changed})


if __name__ == "__main__":
    folder, optimizer, steps, last = sys.argv[1:]
    kill = {cursors(int(steps))[int(last)]: lambda: os.kill(os.getpid(), signal.SIGKILL)}
    train(Tiny(kill), Budget(steps=int(steps)), settings(optimizer=optimizer), Path(folder), "model")
