"""Starting points and statistics are taken a few pictures at a time, and come out as if of all at once."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from motet.codecs.dynamic import Dynamic, DynamicShape
from motet.codecs.features import Features, FeaturesShape
from motet.codecs.moments import Moments
from motet.codecs.patches import principal_components
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.vq import VQ, VqShape
from support.random_weights import randomise
from support.smooth_pictures import pictures

SIZE = {"dim": 16, "n_layers": 1, "n_heads": 2}
LAYERS = {"encoder_layers": 1, "merger_layers": 1, "painter_layers": 1}
AT_ONCE = 3


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def sigma_vae(noise: str, statistics: str) -> SigmaVAE:
    codec = SigmaVAE(SigmaVaeShape(patch=4, channels=6, noise=noise, statistics=statistics, **SIZE))
    return stirred(codec)


def stirred(codec: nn.Module) -> nn.Module:
    return randomise(codec.requires_grad_(False), torch.Generator().manual_seed(4), spread=0.2)


def measured(noise: str, statistics: str) -> nn.Module:
    codec = sigma_vae(noise, statistics)
    codec.measure(pictures(40), rng())
    return codec


def started_vq() -> nn.Module:
    codec = stirred(VQ(VqShape(patch=4, codebook_size=12, code_dim=5, **SIZE)))
    codec.start_from(pictures(40), rng())
    return codec


def measured_features() -> nn.Module:
    codec = stirred(Features(FeaturesShape(patch=4, **SIZE)))
    codec.measure(pictures(40))
    return codec


def measured_dynamic() -> nn.Module:
    shape = DynamicShape(patch=4, rate=0.5, codebook_size=12, code_dim=4, dim=16, n_heads=2, **LAYERS)
    codec = stirred(Dynamic(shape, side=12))
    codec.quantise(pictures(40), rng())
    codec.measure(pictures(40), rng())
    return codec


CODECS: dict[str, Callable[[], nn.Module]] = {
    "sigma-VAE": lambda: measured("gaussian", "global"),
    "sigma-VAE by channel": lambda: measured("learned", "channel"),
    "VQ": started_vq,
    "features": measured_features,
    "dynamic": measured_dynamic,
}


@pytest.mark.parametrize("name", CODECS)
def test_few_pictures_at_a_time_give_what_all_give_together(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("motet.codecs.picture_codec.AT_ONCE", 1000)
    whole = CODECS[name]().state_dict()
    monkeypatch.setattr("motet.codecs.picture_codec.PIXELS_AT_ONCE", AT_ONCE * 8 * 12)
    seen: list[int] = []

    def look(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        if isinstance(module, nn.Linear) and given[0].ndim == 3:  # pictures, tokens, numbers
            seen.append(len(given[0]))

    handle = nn.modules.module.register_module_forward_pre_hook(look)
    parts = CODECS[name]().state_dict()
    handle.remove()
    assert seen and max(seen) <= AT_ONCE
    for key, tensor in whole.items():
        torch.testing.assert_close(parts[key], tensor, atol=1e-4, rtol=1e-4)


def test_components_of_many_patches_are_found_without_a_copy_of_all_in_float64(monkeypatch: pytest.MonkeyPatch):
    patches = torch.randn(300, 7, generator=rng()) @ torch.randn(7, 7, generator=rng()) + 2
    exact = patches.double()
    covariance = torch.cov(exact.T, correction=0)
    monkeypatch.setattr("motet.codecs.patches.EXACT", 7 * 40)
    taken: list[int] = []
    double = Tensor.double
    monkeypatch.setattr(Tensor, "double", lambda x: taken.append(len(x)) or double(x))
    centre, variance, direction = principal_components(patches, 4)
    assert taken and max(taken) <= 40
    torch.testing.assert_close(centre, exact.mean(0))
    expected = torch.linalg.eigvalsh(covariance).flip(0)[:4]
    torch.testing.assert_close(variance, expected)
    torch.testing.assert_close(covariance @ direction, direction * expected)


def test_moments_of_parts_are_those_of_the_whole():
    values, moments = torch.randn(50, 4, generator=rng()) * 3 + 100, Moments()
    for part in values.split(7):
        moments.add(part)
    torch.testing.assert_close(moments.mean.float(), values.double().mean(0).float())
    torch.testing.assert_close(moments.std.float(), values.double().std(0).float())
    torch.testing.assert_close(moments.variance.float(), values.double().var(0, correction=0).float())
