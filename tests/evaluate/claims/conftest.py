"""What lets a trained claim run in seconds: cheap eyes for the Frechet distance, and for the judge."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d

from motet.data.corpus import Corpus
from motet.evaluate.claims import run_claim
from motet.evaluate.claims.claim import ClaimResult, Summary
from motet.evaluate.compare.judging import Draw
from motet.evaluate.over_seeds import OverSeeds


class Thumbnails(nn.Module):
    """Stands in for EfficientNet's features."""

    def forward(self, pictures: torch.Tensor, progress: object = None) -> torch.Tensor:
        return adaptive_avg_pool2d(pictures.float(), 4).flatten(1)


def brightness(corpus: Corpus, n: int, draw: Draw) -> dict[str, float]:
    """Stands in for the judge: how bright one drawn picture is."""
    bright = float(draw(["a red circle"]).float().mean()) / 255
    return {"judge": bright, "judge_held_out": bright, "judge_accuracy": 1.0}


@pytest.fixture
def cheap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that costs and is tested elsewhere."""
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("motet.evaluate.compare.measuring.EfficientNetFeatures", Thumbnails)
    monkeypatch.setattr("motet.evaluate.compare.measuring.scores", brightness)


@pytest.fixture
def quickly(cheap: None, tmp_path: Path) -> Callable[[str], ClaimResult]:
    """Runs a claim at quick scale."""

    def run(name: str) -> ClaimResult:
        out, runs = tmp_path / "docs", tmp_path / "runs"
        return run_claim(name, out=out, runs=runs, scale="quick", console=Console(quiet=True))

    return run


@pytest.fixture
def rigged() -> Callable[[Mapping[str, Mapping[str, float]], float], Summary]:
    """A summary of three seeds: means by arm and measure, each with an interval of that half width."""

    def summary(means: Mapping[str, Mapping[str, float]], half: float) -> Summary:
        return {
            arm: {name: OverSeeds(mean, mean - half, mean + half, 3) for name, mean in numbers.items()}
            for arm, numbers in means.items()
        }

    return summary
