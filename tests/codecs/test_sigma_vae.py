"""The sigma-VAE: pixels, patches, its kinds of noise, statistics and starting point."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from motet.codecs.pixels import to_picture, to_tensor
from motet.codecs.sigma_vae import Posterior, SigmaVAE, SigmaVaeShape
from motet.errors import ConfigError, ShapeError
from support.random_weights import randomise
from support.smooth_pictures import pictures

SHAPE = SigmaVaeShape(patch=4, channels=6, dim=16, n_layers=1, n_heads=2)
KINDS = ["gaussian", "fixed", "learned", "none", "spherical"]


def codec_of(noise: str = "fixed", *, stir: bool = True, **changes: object) -> SigmaVAE:
    made = SigmaVAE(replace(SHAPE, noise=noise, **changes)).requires_grad_(False)
    return randomise(made, torch.Generator().manual_seed(4), spread=0.2) if stir else made


# pixels and patches


def test_patches_are_cut_in_raster_order_and_put_back_exactly():
    codec, pixels = codec_of(), torch.randn(2, 3, 8, 12)
    patches = codec.to_patches(pixels)
    assert patches.shape == (2, 6, 48)
    for token in range(6):
        row, column = divmod(token, 3)
        cut = pixels[:, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        assert torch.equal(patches[:, token], cut.permute(0, 2, 3, 1).flatten(1))
    assert torch.equal(codec.to_pixels(patches, (2, 3)), pixels)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 20), (16, 4)])
def test_any_size_that_the_patch_divides_is_encoded_and_decoded(height: int, width: int):
    codec = codec_of()
    picture = to_picture(pictures(1, height, width)[0])
    values, grid = codec.encode(picture)
    assert grid == (height // 4, width // 4) and values.shape == (grid[0] * grid[1], 6)
    assert codec.decode(values, grid).size == (width, height)


@pytest.mark.parametrize(("height", "width"), [(6, 8), (8, 7), (0, 4), (2, 2)])
def test_other_sizes_are_an_error_that_names_a_size_that_would_do(height: int, width: int):
    expected = f"picture of {height}x{width} pixels does not divide into patches of 4x4; resize it"
    with pytest.raises(ShapeError, match=expected) as caught:
        codec_of().grid_of(height, width)
    assert f"{max(4, height // 4 * 4)}x{max(4, width // 4 * 4)} for example" in str(caught.value)


def test_pictures_and_tensors_turn_into_each_other_exactly():
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    tensor = to_tensor(Image.fromarray(array))
    assert tensor.shape == (3, 5, 7) and -1 <= tensor.min() and tensor.max() <= 1
    assert np.array_equal(np.asarray(to_picture(tensor)), array)


def test_positions_matter_and_follow_the_grid():
    """The same patches in another grid are encoded otherwise, though their linear part is the same."""
    codec = codec_of()
    tokens = torch.randn(1, 6, 48)
    one, other = (codec.posterior(codec.to_pixels(tokens, grid)).mean for grid in ((2, 3), (3, 2)))
    assert (one - other).abs().max() > 1e-3


# noise


@pytest.mark.parametrize("sigma", [0.3, 0.75])
def test_gaussian_noise_has_one_scale_a_picture_whose_mean_size_is_sigma(sigma: float):
    codec = codec_of("gaussian", sigma=sigma)
    mean = torch.zeros(4_000, 20, 6)
    z = codec.noised(Posterior(mean, torch.tensor(sigma)), codec.noise_like(mean, torch.Generator().manual_seed(0)))
    scale = z.flatten(1).square().mean(1).sqrt()  # |s| of each picture, up to 6 %
    assert float(scale.mean()) == pytest.approx(sigma, rel=0.04)
    assert float(scale.std() / scale.mean()) == pytest.approx((np.pi / 2 - 1) ** 0.5, rel=0.06), "half-normal"


def test_fixed_noise_has_the_same_scale_in_every_picture():
    codec = codec_of("fixed", sigma=0.4)
    values, rng = torch.zeros(5_000, 6), torch.Generator().manual_seed(0)
    assert float(codec.draw(values, rng).std()) == pytest.approx(0.4, rel=0.02)


def test_no_noise_draws_the_mean():
    values = torch.randn(5, 6)
    torch.testing.assert_close(codec_of("none").draw(values, torch.Generator()), values)


def test_spherical_latents_lie_on_the_sphere_of_radius_root_channels():
    codec = codec_of("spherical")
    posterior = codec.posterior(pictures(3))
    z = codec.noised(posterior, codec.noise_like(posterior.mean, torch.Generator().manual_seed(0)))
    for latents in (posterior.mean, z):
        torch.testing.assert_close(latents.norm(dim=-1), torch.full((3, 6), 6**0.5))
    assert (z - posterior.mean).abs().max() > 0.1


def test_learned_noise_travels_with_the_means_and_is_drawn_from():
    codec = codec_of("learned")
    codec.measure(pictures(16), torch.Generator().manual_seed(0))
    pixels = pictures(1)
    values = codec.encode_pixels(pixels)[0]
    assert values.shape == (6, 12) and codec.means(values).shape == (6, 6)
    posterior = codec.posterior(pixels)
    rng = torch.Generator().manual_seed(0)
    draws = torch.stack([codec.draw(values, rng) for _ in range(3_000)])
    torch.testing.assert_close(draws.mean(0), ((posterior.mean + codec.bias) * codec.scale)[0], atol=0.1, rtol=0.1)
    torch.testing.assert_close(draws.std(0), (posterior.scale * codec.scale)[0], atol=0.01, rtol=0.08)


@pytest.mark.parametrize("noise", KINDS)
def test_drawing_from_encoded_values_equals_noising_the_posterior(noise: str):
    """Documents are encoded once and drawn from in every epoch: the two ways must agree, draw by draw."""
    codec = codec_of(noise)
    codec.measure(pictures(16), torch.Generator().manual_seed(0))
    pixels = pictures(1)
    posterior = codec.posterior(pixels)
    z = codec.noised(posterior, codec.noise_like(posterior.mean, torch.Generator().manual_seed(5)))
    drawn = codec.draw(codec.encode_pixels(pixels)[0], torch.Generator().manual_seed(5))
    torch.testing.assert_close(drawn, ((z + codec.bias) * codec.scale)[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("noise", KINDS)
def test_what_a_model_draws_is_projected_onto_the_sphere_where_latents_lie_on_one(noise: str):
    codec = codec_of(noise)
    codec.measure(pictures(16), torch.Generator().manual_seed(0))
    drawn = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    projected = codec.project(drawn)
    if noise != "spherical":
        assert torch.equal(projected, drawn)
        return
    z, own = projected / codec.scale - codec.bias, drawn / codec.scale - codec.bias
    torch.testing.assert_close(z.norm(dim=-1), torch.full((5,), 6**0.5))
    torch.testing.assert_close(torch.cosine_similarity(z, own), torch.ones(5))
    torch.testing.assert_close(codec.project(projected), projected)


def test_negative_noise_is_refused():
    with pytest.raises(ConfigError, match=r"sigma is -0\.1; expected a number at least 0"):
        SigmaVaeShape(sigma=-0.1)


def test_without_noise_its_scale_changes_nothing():
    """A size may have one, so that another kind of noise is one setting away; `--set` of it is refused."""
    some, others = (codec_of("none", sigma=sigma) for sigma in (0.1, 0.9))
    pixels, rng = pictures(2), torch.Generator().manual_seed(3)
    noise = some.noise_for(pixels, rng)
    for one, other in zip(some.loss(pixels, noise).values(), others.loss(pixels, noise).values(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(some.draw(torch.ones(5, 6), rng), others.draw(torch.ones(5, 6), rng))


# loss


@pytest.mark.parametrize("noise", KINDS)
def test_the_loss_is_that_of_decoding_what_was_drawn(noise: str):
    codec, pixels = codec_of(noise), pictures(2)
    posterior = codec.posterior(pixels)
    draw = codec.noise_like(posterior.mean, torch.Generator().manual_seed(2))
    terms = codec.loss(pixels, draw)
    codec.bias.copy_(torch.randn(6))  # statistics must not matter to the autoencoder, and must cancel in the codec
    codec.scale.copy_(torch.rand(6) + 0.5)
    scaled = (codec.noised(posterior, draw) + codec.bias) * codec.scale
    made = codec.decode_pixels(scaled, (2, 3))
    assert float(terms["l1"]) == pytest.approx(float((made - pixels).abs().mean()), rel=1e-4)
    assert float(terms["mse"]) == pytest.approx(float((made - pixels).square().mean()), rel=1e-4)
    coarse = sum(float((block_means(made, size) - block_means(pixels, size)).abs().mean()) for size in (2, 4))
    assert float(terms["multiscale"]) == pytest.approx(coarse, rel=1e-4)
    mean, scale = posterior.mean.double(), posterior.scale.double()
    expected = mean**2
    if noise == "learned":  # twice the divergence in nats, so that both terms weigh the means alike
        expected = 2 * kl_divergence(Normal(mean, scale), Normal(0.0, 1.0))
    assert float(terms["mean"]) == pytest.approx(float(expected.mean()), rel=1e-4)


def block_means(x: Tensor, size: int) -> Tensor:
    return x.unfold(2, size, size).unfold(3, size, size).mean((-1, -2))


# statistics and starting point


@pytest.mark.parametrize("statistics", ["global", "channel"])
@pytest.mark.parametrize("noise", KINDS)
def test_measured_latents_have_zero_mean_and_unit_spread(noise: str, statistics: str):
    codec, pixels = codec_of(noise, statistics=statistics), pictures(400)
    codec.measure(pixels, torch.Generator().manual_seed(0))
    rng = torch.Generator().manual_seed(1)
    latents = torch.cat([codec.draw(values, rng) for values in codec.encode_pixels(pixels)])
    torch.testing.assert_close(latents.mean(0), torch.zeros(6), atol=0.1, rtol=0)
    assert float(latents.square().mean().sqrt()) == pytest.approx(1.0, abs=0.05)
    if statistics == "channel":
        torch.testing.assert_close(latents.std(0), torch.ones(6), atol=0.1, rtol=0)
    mean, spread = float(latents.mean()), float(latents.square().mean().sqrt())
    assert abs(mean) < 0.05 and spread == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("noise", ["none", "learned"])
def test_it_starts_as_the_principal_components_of_the_patches(noise: str):
    changes = {"sigma": 0.0} if noise == "learned" else {}
    codec, pixels = codec_of(noise, stir=False, **changes), pictures(200)
    codec.start_from(pixels)
    made = codec.reconstruct(codec.posterior(pixels).mean, (2, 3))
    patches = codec.to_patches(pixels).flatten(0, 1).double().numpy()
    centre = patches.mean(0)
    directions = np.linalg.svd(patches - centre, full_matrices=False)[2][:6]
    expected = centre + (patches - centre) @ directions.T @ directions
    np.testing.assert_allclose(codec.to_patches(made).flatten(0, 1).numpy(), expected, atol=2e-4)


@pytest.mark.parametrize("noise", ["fixed", "gaussian"])
def test_the_start_reconstructs_from_noised_latents_as_well_as_a_linear_map_can(noise: str):
    codec, pixels = codec_of(noise, stir=False, sigma=0.5), pictures(400)
    codec.start_from(pixels)
    posterior = codec.posterior(pixels)
    assert float(posterior.mean.square().mean().sqrt()) == pytest.approx(1.0, abs=0.02)
    rng = torch.Generator().manual_seed(0)
    z = torch.cat([codec.noised(posterior, codec.noise_like(posterior.mean, rng)) for _ in range(8)])
    patches = codec.to_patches(pixels).repeat(8, 1, 1).flatten(0, 1).double()
    ours = codec.to_patches(codec.reconstruct(z, (2, 3))).flatten(0, 1).double()
    inputs = torch.cat([z, torch.ones_like(z[..., :1])], -1).flatten(0, 1).double()
    best = inputs @ torch.linalg.lstsq(inputs, patches).solution
    assert float((ours - patches).square().mean()) < 1.03 * float((best - patches).square().mean())


def test_more_channels_than_numbers_in_a_patch_start_as_an_exact_copy():
    codec, pixels = codec_of("none", stir=False, patch=2, channels=16), pictures(50, 4, 4)
    codec.start_from(pixels)
    made = codec.reconstruct(codec.posterior(pixels).mean, (2, 2))
    torch.testing.assert_close(made, pixels, atol=1e-3, rtol=0)


# the codec


def test_pictures_encoded_together_equal_pictures_encoded_alone_whatever_their_sizes():
    codec = codec_of()
    same = [to_picture(p) for p in pictures(3)]
    for raws in (same, [*same, to_picture(pictures(1, 4, 8)[0])]):
        for (values, grid), raw in zip(codec.encode_many(raws), raws, strict=True):
            alone, alone_grid = codec.encode(raw)
            torch.testing.assert_close(values, alone, atol=1e-5, rtol=1e-5)
            assert grid == alone_grid
    assert codec.encode_many([]) == []


def test_pictures_decoded_together_equal_pictures_decoded_alone():
    codec = codec_of()
    values = [torch.randn(6, 6) * 0.3 for _ in range(3)]
    for together, one in zip(codec.decode_many(values, (2, 3)), values, strict=True):
        difference = np.asarray(together).astype(int) - np.asarray(codec.decode(one, (2, 3))).astype(int)
        assert np.abs(difference).max() <= 1


def test_the_fingerprint_follows_weights_statistics_and_shape():
    codec = codec_of()
    first = codec.fingerprint()
    assert codec_of().fingerprint() == first
    codec.bias[0] += 1e-3
    second = codec.fingerprint()
    codec.encoder.linear.weight[0, 0] += 1e-3
    assert len({first, second, codec.fingerprint(), codec_of("spherical").fingerprint()}) == 4
