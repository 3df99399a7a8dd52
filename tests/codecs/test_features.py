"""The understanding encoder: its features, their statistics, and that they cannot be drawn."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from motet.codecs.features import Features, FeaturesShape, centres
from motet.codecs.pixels import to_picture
from motet.errors import CapabilityError, ShapeError
from support.random_weights import randomise
from support.smooth_pictures import pictures

SHAPE = FeaturesShape(patch=4, dim=16, n_layers=2, n_heads=2)


def stirred(shape: FeaturesShape = SHAPE) -> Features:
    return randomise(Features(shape).requires_grad_(False), torch.Generator().manual_seed(4), spread=0.3)


def test_a_picture_has_a_feature_vector_for_each_patch():
    values, grid = stirred().encode(to_picture(pictures(1)[0]))
    assert grid == (2, 3) and values.shape == (6, 16) and values.dtype == torch.float32


def test_a_size_that_the_patch_does_not_divide_is_an_error_that_names_one_that_would_do():
    with pytest.raises(ShapeError, match="picture of 10x8 pixels does not divide into patches of 4x4; resize it"):
        stirred().encode(Image.new("RGB", (8, 10)))


def test_pictures_encoded_together_equal_pictures_encoded_alone_whatever_their_sizes():
    codec = stirred()
    same = [to_picture(p) for p in pictures(3)]
    for raws in (same, [*same, to_picture(pictures(1, 4, 8)[0])]):
        for (values, grid), raw in zip(codec.encode_many(raws), raws, strict=True):
            alone, alone_grid = codec.encode(raw)
            torch.testing.assert_close(values, alone, atol=1e-5, rtol=1e-5)
            assert grid == alone_grid
    assert codec.encode_many([]) == []


def test_measured_features_have_zero_mean_and_unit_spread_in_every_channel():
    codec, pixels = stirred(), pictures(300)
    before = codec.encode_pixels(pixels).flatten(0, 1)
    assert (before.mean(0).abs() > 0.1).any(), "else there was nothing to measure"
    codec.measure(pixels)
    values = codec.encode_pixels(pixels).flatten(0, 1)
    torch.testing.assert_close(values.mean(0), torch.zeros(16), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.std(0), torch.ones(16), atol=1e-3, rtol=0)


def test_every_patch_is_seen_from_every_other():
    codec, pixels = stirred(), pictures(1)
    changed = pixels.clone()
    changed[:, :, 4:, 8:] += 0.5  # the last patch of six
    moved = (codec.encode_pixels(changed) - codec.encode_pixels(pixels)).abs().amax(-1)[0]
    assert (moved > 1e-4).all()


def test_the_same_patches_in_another_grid_have_other_features():
    codec = stirred()
    grey = torch.zeros(1, 3, 8, 12)
    assert (codec.encode_pixels(grey) - codec.encode_pixels(grey.mT)).abs().max() > 1e-3


def test_features_alone_cannot_be_drawn():
    with pytest.raises(
        CapabilityError, match=r"features of grid \(2, 3\) cannot be drawn by themselves; give a Pyramid"
    ):
        stirred().decode(torch.zeros(6, 16), (2, 3))


def test_the_fingerprint_follows_weights_statistics_and_shape():
    codec = stirred()
    first = codec.fingerprint()
    assert stirred().fingerprint() == first
    codec.bias[0] += 1e-3
    assert len({first, codec.fingerprint(), stirred(replace(SHAPE, n_heads=4)).fingerprint()}) == 3


def test_centres_of_pooled_tokens_are_the_mean_of_the_tokens_they_are_made_of():
    fine = centres((4, 6)).double().unflatten(0, (4, 6))
    assert fine[2, 3].tolist() == [0, 0, 4, 6], "two half patches a patch"
    expected = fine.unflatten(0, (2, 2)).unflatten(2, (3, 2)).mean((1, 3)).flatten(0, 1)
    torch.testing.assert_close(centres((4, 6), 2).double(), expected)
