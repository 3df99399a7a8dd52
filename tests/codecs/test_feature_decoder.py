"""The diffusion decoder of features: a function of its noise; it learns, and leaves open what coarse scales do."""

import pytest
import torch
from torch import Tensor

from motet.codecs.feature_decoder import FeatureDecoder, FeatureDecoderShape
from motet.errors import ShapeError

FACTORS = (2, 1)
SHAPE = FeatureDecoderShape(dim=32, n_layers=1, n_heads=2, steps=8)
GRID = (2, 2)


def stirred(**changes: object) -> FeatureDecoder:
    made = FeatureDecoder(5, 4, FACTORS, FeatureDecoderShape(**{**vars(SHAPE), **changes})).requires_grad_(False)
    rng = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.2)
    return made


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


NULL = {0: torch.zeros(1, 5), 1: torch.zeros(4, 5)}


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 24)])
def test_pictures_of_any_grid_are_drawn_from_every_scale(height: int, width: int):
    made, grid = stirred(), (height // 4, width // 4)
    for scale, factor in enumerate(FACTORS):
        n = grid[0] * grid[1] // factor**2
        noise = made.noise(2, grid, torch.Generator().manual_seed(1))
        drawn = made.sample(random(2, n, 5), noise, grid, scale=scale, null=torch.zeros(n, 5))
        assert drawn.shape == (2, 3, height, width) and drawn.abs().max() <= 1


def test_another_number_of_features_than_the_scale_has_is_refused():
    with pytest.raises(ShapeError, match=r"scale 0 of a grid of \(2, 2\) has 1 tokens; got 4"):
        stirred()(random(1, 3, 8, 8), torch.zeros(1), random(1, 4, 5), scale=0)


@pytest.mark.parametrize("solver", ["dpmpp_2m", "ancestral"])
def test_a_drawing_is_a_function_of_features_and_noise_whoever_shares_its_batch(solver: str):
    made, features = stirred(solver=solver), random(3, 4, 5)
    noise = made.noise(3, GRID, torch.Generator().manual_seed(1))
    together = made.sample(features, noise, GRID, scale=1, null=NULL[1])
    assert torch.equal(together, made.sample(features, noise, GRID, scale=1, null=NULL[1]))
    alone = made.sample(features[1:2], noise[1:2], GRID, scale=1, null=NULL[1])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-5)
    other = made.sample(features, made.noise(3, GRID, torch.Generator().manual_seed(2)), GRID, scale=1, null=NULL[1])
    assert (other - together).abs().amax((1, 2, 3)).min() > 1e-2


def test_the_loss_is_the_squared_error_of_the_velocity():
    made = stirred()
    pixels, e, features = random(3, 3, 8, 8, seed=1).tanh(), random(3, 3, 8, 8, seed=2), random(3, 4, 5)
    t = torch.tensor([0.0, 0.3, 0.9])
    x_t = t[:, None, None, None] * pixels + (1 - t)[:, None, None, None] * e
    velocity = (made(x_t, t, features, scale=1) - x_t) / (1 - t)[:, None, None, None]
    expected = (velocity - (pixels - e)).square().mean((1, 2, 3))
    torch.testing.assert_close(made.loss(pixels, t, e, features, scale=1), expected, rtol=1e-3, atol=1e-4)


def test_guidance_goes_from_the_null_features_past_the_given_ones():
    noise = stirred().noise(1, GRID, torch.Generator().manual_seed(1))
    features, made = random(1, 4, 5), {}
    for scale in (0.0, 1.0, 2.0):  # a single step of the solver returns what the network names
        decoder = stirred(steps=1, guidance=scale)
        decoder.project_out.weight *= 0.1  # within -1 to 1, so that nothing is cut off
        decoder.condition.weight *= 30
        made[scale] = decoder.sample(features, noise, GRID, scale=1, null=NULL[1])
    assert (made[1.0] - made[0.0]).abs().max() > 1e-3
    torch.testing.assert_close(made[2.0], 2 * made[1.0] - made[0.0], atol=1e-5, rtol=1e-4)


def test_it_learns_two_pictures_and_what_the_coarse_scale_does_not_say_is_left_to_the_noise():
    """Both pictures have the same coarse features, and different fine ones."""
    rng = torch.Generator().manual_seed(0)
    pictures = torch.nn.functional.interpolate(torch.rand(2, 3, 2, 2, generator=rng) * 1.6 - 0.8, (8, 8))
    fine = torch.stack([random(4, 5), -random(4, 5)])
    features = {0: fine.mean((0, 1), keepdim=True).expand(2, 1, 5), 1: fine}
    decoder = FeatureDecoder(5, 4, FACTORS, SHAPE)

    def drawn(scale: int) -> Tensor:
        noise = decoder.noise(16, GRID, torch.Generator().manual_seed(7))
        return decoder.sample(features[scale].repeat(8, 1, 1), noise, GRID, scale=scale, null=NULL[scale])

    def psnr() -> float:
        return float(10 * torch.log10(4 / (drawn(1) - pictures.repeat(8, 1, 1, 1)).square().mean()))

    before = psnr()
    optimizer = torch.optim.Adam(decoder.parameters(), lr=3e-3)
    for _ in range(100):
        for scale in (0, 1):
            t, e = decoder.draw_times(16, rng), torch.randn(16, 3, 8, 8, generator=rng)
            seen = features[scale].repeat(8, 1, 1)
            decoder.loss(pictures.repeat(8, 1, 1, 1), t, e, seen, scale=scale).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert psnr() > before + 15
    spread = {scale: float(drawn(scale)[::2].std(0).mean()) for scale in (0, 1)}
    assert spread[0] > 5 * spread[1]
    nearest = torch.cdist(drawn(0).flatten(1), pictures.flatten(1)).argmin(1)
    assert 2 <= int(nearest.sum()) <= 14, "one coarse token draws both pictures"
