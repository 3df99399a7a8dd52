"""Tiles of latents as one token."""

import pytest
import torch

from motet.codecs.merged import Merged
from motet.codecs.pixels import to_picture
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.errors import ShapeError


def codec_of(noise: str = "fixed") -> SigmaVAE:
    made = SigmaVAE(SigmaVaeShape(patch=4, channels=3, dim=16, n_layers=1, n_heads=2, noise=noise)).requires_grad_(
        False
    )
    rng = torch.Generator().manual_seed(4)
    for parameter in made.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.2)
    return made


def picture(height: int = 16, width: int = 24):
    return to_picture(torch.rand(3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1)


def test_a_merged_token_holds_the_latents_of_its_tile_in_raster_order():
    inner = codec_of()
    single, grid = inner.encode(picture())
    merged, merged_grid = Merged(inner, 2).encode(picture())
    assert grid == (4, 6) and merged_grid == (2, 3) and merged.shape == (6, 12)
    for token in range(6):
        row, column = divmod(token, 3)
        tile = [single[6 * (2 * row + y) + 2 * column + x] for y in range(2) for x in range(2)]
        torch.testing.assert_close(merged[token], torch.cat(tile))


def test_merged_tokens_decode_to_the_picture_of_their_latents():
    inner = codec_of()
    expected = inner.decode(*inner.encode(picture()))
    made = Merged(inner, 2).decode(*Merged(inner, 2).encode(picture()))
    assert made.size == (24, 16) and made.tobytes() == expected.tobytes()


@pytest.mark.parametrize("noise", ["fixed", "learned"])
def test_latents_are_drawn_as_the_codec_draws_them(noise: str):
    merged = Merged(codec_of(noise), 2)
    values, _ = merged.encode(picture())
    drawn = torch.stack([merged.draw(values, torch.Generator().manual_seed(seed)) for seed in range(300)])
    assert drawn.shape[1:] == (6, 12) == merged.means(values).shape
    torch.testing.assert_close(drawn.mean(0), merged.means(values), atol=0.25, rtol=0.1)
    if noise == "fixed":
        assert float(drawn.std(0).mean()) == pytest.approx(0.3, abs=0.03)


def test_drawn_latents_are_projected_each_by_itself():
    inner = codec_of("spherical")
    drawn = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    projected = Merged(inner, 2).project(drawn)
    assert torch.equal(projected.view(20, 3), inner.project(drawn.view(20, 3))) and not torch.equal(projected, drawn)


def test_pictures_whose_latents_do_not_divide_into_tiles_are_refused():
    with pytest.raises(ShapeError, match="4 x 5 latents does not divide into tiles of 2 x 2"):
        Merged(codec_of(), 2).encode(picture(16, 20))


def test_what_is_stored_under_one_merge_is_not_taken_for_another():
    inner = codec_of()
    assert Merged(inner, 2).fingerprint() != inner.fingerprint()
