"""The perceptual distance: nothing between equal pictures, more for a blur than for brightness of equal error."""

import torch
from torch.nn.functional import avg_pool2d, interpolate

from motet.codecs.perceptual import Perceptual, efficientnet_lite0, trained_efficientnet_lite0


def test_equal_pictures_have_no_distance_and_a_blur_costs_more_than_brightness_of_the_same_pixel_error():
    rng = torch.Generator().manual_seed(0)
    blocks = torch.rand(4, 3, 12, 12, generator=rng) - 0.5
    true = interpolate(blocks, scale_factor=4.0)
    distance = Perceptual()
    assert float(distance(true, true)) == 0.0
    blurred = interpolate(avg_pool2d(true, 8), scale_factor=8.0, mode="bilinear")
    brighter = true + (blurred - true).square().mean().sqrt()
    assert float(distance(blurred, true)) > 2 * float(distance(brighter, true)) > 0


def test_its_gradient_reaches_the_picture_that_was_made_and_no_weight():
    made = torch.zeros(1, 3, 48, 48, requires_grad=True)
    distance = Perceptual()
    distance(made, torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1))).backward()
    assert made.grad is not None and float(made.grad.abs().sum()) > 0
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in distance.parameters())


@torch.no_grad()
def test_the_lean_network_sees_what_the_packages_own_sees():
    pixels = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(2))
    true = trained_efficientnet_lite0().extract_features(pixels)
    torch.testing.assert_close(efficientnet_lite0().extract_features(pixels), true, rtol=1e-4, atol=1e-5)
    assert float(true.abs().mean()) > 0.01
