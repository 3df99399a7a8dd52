"""Probes of a scale: a regression that recovers what is linear, and places that features with them tell."""

from pathlib import Path

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from motet.codecs.features import Features, FeaturesShape
from motet.data.corpus import Split
from motet.errors import DataError
from motet.evaluate.claims.scale_probe import predicted, probe, probe_scenes


@pytest.mark.parametrize("features", [5, 200], ids=["more pictures than features", "more features than pictures"])
def test_a_ridge_recovers_what_is_linear_and_is_the_mean_of_what_is_noise(features: int):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(140, 5, generator=rng) @ torch.randn(5, features, generator=rng) + 3
    y = x @ torch.randn(features, 2, generator=rng) / features - 7
    told = predicted(x[:100], y[:100], x[100:])
    torch.testing.assert_close(told, y[100:], atol=0.02, rtol=0)
    noise = torch.randn(100, 2, generator=rng) + 4
    assert (predicted(x[:100], noise, x[100:]) - 4).abs().max() < 1


@pytest.mark.parametrize("features", [6, 90])
def test_both_forms_of_the_regression_are_the_plain_one(features: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("motet.evaluate.claims.scale_probe.STRENGTHS", (0.3,))
    rng = torch.Generator().manual_seed(1)
    x, y = (torch.randn(50, n, generator=rng) for n in (features, 3))
    z = torch.randn(7, features, generator=rng)
    a, b = (x - x.mean(0)).double(), (y - y.mean(0)).double()
    strength = 0.3 * a.square().sum() / min(a.shape)  # the mean eigenvalue is the trace by the smaller side
    plain = (z - x.mean(0)).double() @ torch.linalg.solve(a.T @ a + strength * torch.eye(features), a.T @ b)
    torch.testing.assert_close(predicted(x, y, z), (plain + y.mean(0)).float(), atol=1e-5, rtol=1e-5)


class Pixelwise(Features):
    """Features that are the mean colours of patches, so a fine scale says where things are and a mean does not."""

    def encode_pixels(self, pixels: Float[Tensor, "b 3 y x"]) -> Float[Tensor, "b t c"]:
        ink = (1 - pixels).clamp_min(0)
        return torch.nn.functional.avg_pool2d(ink, self.shape.patch).flatten(2).mT


def test_a_fine_scale_tells_places_and_the_coarsest_tells_colours_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path))
    probes = probe_scenes("scenes:kind=caption,level=1,size=24,n=500", "scenes:kind=caption,level=3,size=24,n=120", 24)
    features = Pixelwise(FeaturesShape(patch=3, dim=4, n_layers=1, n_heads=1))
    fine, coarse = (probe(features, factor, probes) for factor in (1, 8))
    assert fine["place"] > 0.7 > 0.4 > coarse["place"]
    assert coarse["colour"] > 0.4, "chance is one in eight"
    assert all(0 <= told["relation"] <= 1 for told in (fine, coarse))


def test_data_without_such_pictures_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path))
    probes = probe_scenes("scenes:kind=caption,level=1,size=24,n=20", "scenes:kind=caption,level=1,size=24,n=20", 24)
    assert isinstance(probes.alone, Split)
    with pytest.raises(DataError, match="pictures of one thing and of two; there are 19 and 0"):
        probe(Features(FeaturesShape(patch=3, dim=4, n_layers=1, n_heads=1)), 1, probes)
