"""The pyramid: mean pooling, joined coarse to fine and split again; drawn from by its decoder."""

import numpy as np
import pytest
import torch

from motet.codecs.feature_decoder import FeatureDecoder, FeatureDecoderShape
from motet.codecs.features import Features, FeaturesShape
from motet.codecs.pixels import to_picture
from motet.codecs.pyramid import Pyramid, pooled
from motet.errors import CapabilityError, ConfigError

FACTORS = (4, 2, 1)
GRID = (4, 8)


def pyramid_of(factors: tuple[int, ...] = FACTORS, *, decodes: bool = True) -> Pyramid:
    """With random weights everywhere."""
    decoder = FeatureDecoder(8, 2, factors, FeatureDecoderShape(dim=8, n_layers=1, n_heads=2, steps=2))
    features = Features(FeaturesShape(patch=2, dim=8, n_layers=1, n_heads=2))
    made = Pyramid(features, factors, decoder=decoder if decodes else None)
    rng = torch.Generator().manual_seed(0)
    for parameter in made.requires_grad_(False).parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.5)
    return made


def finest() -> torch.Tensor:
    return torch.randn(2, 32, 8, generator=torch.Generator().manual_seed(1))


def test_each_scale_is_the_mean_of_squares_of_the_finest():
    values, made = finest(), pyramid_of()
    expected = []
    for factor in FACTORS:
        for row in range(GRID[0] // factor):
            for column in range(GRID[1] // factor):
                square = [
                    values[:, (row * factor + i) * GRID[1] + column * factor + j]
                    for i in range(factor)
                    for j in range(factor)
                ]
                expected.append(torch.stack(square).mean(0))
    assert made.scales.sizes(GRID) == [2, 8, 32]
    torch.testing.assert_close(made.join(values, GRID), torch.stack(expected, 1))


def test_pooling_twice_by_two_is_pooling_once_by_four():
    once = pooled(finest(), GRID, 4)
    torch.testing.assert_close(pooled(pooled(finest(), GRID, 2), (2, 4), 2), once)


def test_what_is_joined_is_split_again_exactly():
    values, made = finest(), pyramid_of()
    levels = made.split(made.join(values, GRID), GRID)
    for level, factor in zip(levels, FACTORS, strict=True):
        assert torch.equal(level, pooled(values, GRID, factor))
    assert torch.equal(levels[-1], values)


def test_encoding_a_picture_is_joining_its_features():
    made, picture = pyramid_of(), to_picture(torch.linspace(-1, 1, 3 * 8 * 16).view(3, 8, 16))
    values, grid = made.encode(picture)
    features, _ = made.features.encode(picture)
    assert grid == GRID and torch.equal(values, made.join(features, GRID))


def test_one_scale_is_emu():
    made = pyramid_of((2,))
    assert made.scales.sizes(GRID) == [8] and torch.equal(made.join(finest(), GRID), pooled(finest(), GRID, 2))


def test_values_that_end_after_a_scale_are_split_into_those_that_are_there():
    values, made = finest(), pyramid_of()
    levels = made.split(made.join(values, GRID)[:, :10], GRID)
    assert [level.shape[1] for level in levels] == [2, 8]


def test_a_pyramid_without_a_decoder_cannot_be_drawn():
    with pytest.raises(CapabilityError, match="no decoder"):
        pyramid_of(decodes=False).decode(torch.zeros(42, 8), GRID)


def test_a_decoder_of_other_scales_is_refused():
    made = pyramid_of()
    with pytest.raises(ConfigError, match=r"the decoder draws scales \(4, 2, 1\), but the pyramid has \(2, 1\)"):
        Pyramid(made.features, (2, 1), decoder=made.decoder)


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_pictures_are_drawn_from_the_finest_scale_that_is_there_and_from_no_other(scale: int):
    made = pyramid_of()
    values = made.join(finest(), GRID)[0, : (2, 10, 42)[scale]]
    first = np.asarray(made.decode(values, GRID))
    assert first.shape == (8, 16, 3)
    for changed in range(scale + 1):
        other = values.clone()
        made.split(other, GRID)[changed][:] += 1.0  # a view of `other`
        moved = not np.array_equal(np.asarray(made.decode(other, GRID)), first)
        assert moved == (changed == scale)


def test_generators_choose_which_picture_is_rendered_whatever_shares_its_batch():
    made = pyramid_of()
    whole = made.join(finest(), GRID)[0]
    values = [whole, whole[:2], whole, whole[:10], whole]

    def rendered(chosen: list[int]) -> list[np.ndarray]:
        rngs = [torch.Generator().manual_seed(i if i < 4 else 0) for i in chosen]
        return [np.asarray(one).astype(int) for one in made.render([values[i] for i in chosen], GRID, rngs)]

    together = rendered([0, 1, 2, 3, 4])
    for i, one in enumerate(together):
        assert np.abs(one - rendered([i])[0]).max() <= 1
    assert np.abs(together[0] - together[2]).max() > 1, "another generator draws another picture"
    assert np.abs(together[0] - together[4]).max() <= 1


def test_pictures_decoded_together_equal_pictures_decoded_alone():
    made = pyramid_of()
    values = list(made.join(finest(), GRID))
    for together, one in zip(made.decode_many(values, GRID), values, strict=True):
        difference = np.asarray(together).astype(int) - np.asarray(made.decode(one, GRID)).astype(int)
        assert np.abs(difference).max() <= 1


def test_the_fingerprint_follows_the_encoder_and_not_the_decoder():
    made = pyramid_of()
    first = made.fingerprint()
    made.decoder.noised += 1.0
    assert made.fingerprint() == first
    made.features.bias += 1.0
    assert made.fingerprint() != first != pyramid_of((2, 1)).fingerprint()
