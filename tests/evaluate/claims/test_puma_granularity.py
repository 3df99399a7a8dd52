"""The claim on PUMA's granularity: it trains once for a seed, its measures mean what they say, its rule can fail."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from motet.codecs.feature_decoder import FeatureDecoder, FeatureDecoderShape
from motet.codecs.features import Features, FeaturesShape
from motet.codecs.pyramid import Pyramid
from motet.evaluate.claims import puma_granularity
from motet.evaluate.claims.claim import ClaimResult
from motet.evaluate.claims.puma_granularity import SETTINGS, PUMAGranularity, differences, drawings

ARMS = ("tokens-1", "tokens-4", "tokens-16", "tokens-64")


class Pixelwise(nn.Module):
    """Stands in for the perceptual distance."""

    def forward(self, made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        return (made - true).abs().mean()


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(puma_granularity, "Perceptual", Pixelwise)


def test_it_runs_at_quick_scale_and_trains_once_for_all_scales(
    eyes: None, quickly: Callable[[str], ClaimResult], tmp_path: Path
) -> None:
    result = quickly("puma-granularity")
    assert not result.failed and [run.arm for run in result.runs] == ["tokens-1", "tokens-4", "tokens-16"]
    for run in result.runs:
        assert run.numbers.keys() == PUMAGranularity.measures.keys()
        assert all(0 <= run.numbers[name] <= 1 for name in ("place", "relation", "colour"))
        assert run.numbers["variety"] > 0
    stages = [path.name.partition("-")[0] for path in (tmp_path / "runs/puma-granularity.quick/codecs").glob("*-*")]
    assert sorted(stages) == ["codec", "contrast"]
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed
    assert {path.name for path in result.files} >= {"puma-granularity.quick.svg", "puma-granularity.quick-samples.png"}


def test_the_full_arms_are_one_to_sixty_four_tokens_of_one_pyramid() -> None:
    assert tuple(PUMAGranularity().arms("full")) == ARMS
    assert list(SETTINGS["full"].arms.values()) == [0, 1, 2, 3]


def test_drawings_of_equal_noise_are_equal_and_of_other_noise_are_not() -> None:
    decoder = FeatureDecoder(8, 4, (2, 1), FeatureDecoderShape(dim=16, n_layers=1, n_heads=2, steps=2))
    pyramid = Pyramid(Features(FeaturesShape(patch=4, dim=8, n_layers=1, n_heads=2)), (2, 1), decoder=decoder).eval()
    for parameter in pyramid.parameters():
        parameter.data.normal_(generator=torch.Generator().manual_seed(parameter.numel())).mul_(0.2)
    true = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    one, again, other = (drawings(pyramid, true, 0, seed=seed) for seed in (1, 1, 2))
    assert one.shape == true.shape and torch.equal(one, again) and not torch.equal(one, other)
    assert torch.allclose(drawings(pyramid, true[:2], 0, seed=1), one[:2], atol=1e-5), "a picture's noise is its own"


def test_differences_are_to_the_truth_and_between_drawings(eyes: None) -> None:
    true = torch.zeros(2, 3, 4, 4)
    found = differences(true, true + 0.2, true + 0.6)
    assert found["distance"] == pytest.approx(0.2) and found["variety"] == pytest.approx(0.4)
    assert found["psnr"] == pytest.approx(20, abs=0.2) and found["again_psnr"] == pytest.approx(14, abs=0.2)


@pytest.mark.parametrize(
    ("word", "psnr", "variety", "relation"),
    [
        ("holds", (11, 13, 15, 20), (0.6, 0.5, 0.4, 0.2), (0.3, 0.4, 0.7, 0.9)),
        ("does not hold here", (11, 13, 12, 20), (0.6, 0.5, 0.4, 0.2), (0.3, 0.4, 0.7, 0.9)),
        ("does not hold here", (11, 13, 15, 20), (0.4, 0.5, 0.3, 0.2), (0.3, 0.4, 0.7, 0.9)),
        ("does not hold here", (11, 13, 15, 20), (0.6, 0.5, 0.4, 0.2), (0.3, 0.7, 0.5, 0.9)),
        ("does not hold here", (11, 13, 15, 20), (0.6, 0.5, 0.4, 0.2), (0.6, 0.65, 0.7, 0.9)),  # told coarsely, too
        ("undecided", (11, 11.1, 15, 20), (0.6, 0.5, 0.4, 0.2), (0.3, 0.4, 0.7, 0.9)),
    ],
)
def test_its_rule_gives_each_verdict(
    rigged: Callable[..., Any],
    word: str,
    psnr: tuple[float, ...],
    variety: tuple[float, ...],
    relation: tuple[float, ...],
) -> None:
    decibels = rigged({arm: {"psnr": float(value)} for arm, value in zip(ARMS, psnr, strict=True)}, 0.3)
    shares = rigged(
        {arm: {"variety": v, "relation": r, "place": r} for arm, v, r in zip(ARMS, variety, relation, strict=True)},
        0.01,
    )
    assert PUMAGranularity().verdict({arm: {**decibels[arm], **shares[arm]} for arm in ARMS}).word == word
