"""The VQ codec: its gradient, its start, its directions, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from motet.codecs.patches import cut
from motet.codecs.pixels import to_picture
from motet.codecs.vq import VQ, VqShape
from motet.errors import ConfigError, ShapeError
from support.random_weights import randomise
from support.smooth_pictures import pictures

SHAPE = VqShape(patch=4, codebook_size=12, code_dim=5, dim=16, n_layers=1, n_heads=2)


def codec_of(*, stir: bool = True, **changes: object) -> VQ:
    made = VQ(replace(SHAPE, **changes))
    return randomise(made, torch.Generator().manual_seed(4), spread=0.2) if stir else made


# the autoencoder


def test_the_gradient_passes_the_codebook_as_if_it_were_not_there() -> None:
    codec, pixels = codec_of().eval(), pictures(2)
    weight = codec.encoder.linear.weight
    terms = codec.loss(pixels, codec.noise_for(pixels, torch.Generator()))
    (given,) = torch.autograd.grad(terms["l1"], weight)
    z = codec.vectors(pixels)
    quantised = codec.embedding_of(codec.nearest(z)).clone().requires_grad_(True)
    loss = (codec.reconstruct(quantised, (2, 3)) - pixels).abs().mean()
    (at_codes,) = torch.autograd.grad(loss, quantised)
    (expected,) = torch.autograd.grad(z, weight, at_codes)
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(given, expected)
    assert float(terms["l1"].detach()) == pytest.approx(float(loss.detach()))


def test_commitment_pulls_the_vectors_and_never_the_codes() -> None:
    codec, pixels = codec_of().eval().requires_grad_(False), pictures(2)
    terms = codec.loss(pixels, codec.noise_for(pixels, torch.Generator()))
    z = normalize(codec.encoder(cut(pixels, 4), (2, 3)), dim=-1)
    nearest = codec.codebook.codes[torch.cdist(z, codec.codebook.codes).argmin(-1)]
    assert float(terms["commitment"]) == pytest.approx(float((z - nearest).square().mean()), rel=1e-5)
    expected = terms["l1"] + terms["multiscale"] / 2 + 0.25 * terms["commitment"]
    assert float(codec.objective(terms)) == pytest.approx(float(expected), rel=1e-6)
    assert not any(name.startswith("codebook") for name, _ in codec.named_parameters()), "no optimiser moves a code"
    codec.requires_grad_(True)
    commitment = codec.loss(pixels, codec.noise_for(pixels, torch.Generator()))["commitment"]
    weight = codec.encoder.linear.weight
    (pull,) = torch.autograd.grad(commitment, weight)
    step = 1e-2 * pull / pull.norm()
    with torch.no_grad():
        weight -= step
        closer = codec.loss(pixels, codec.noise_for(pixels, torch.Generator()))["commitment"]
    assert float(closer) < float(commitment.detach())


def test_the_codebook_follows_batches_in_training_and_rests_otherwise() -> None:
    codec, pixels = codec_of(), pictures(4)
    noise = codec.noise_for(pixels, torch.Generator().manual_seed(0))
    before, share = codec.codebook.codes.clone(), codec.codebook.share.clone()
    z = codec.vectors(pixels).detach().flatten(0, 1)
    codec.eval().loss(pixels, noise)
    assert torch.equal(codec.codebook.codes, before) and torch.equal(codec.codebook.share, share)
    codec.train().loss(pixels, noise)
    after = codec.codebook.codes.clone()
    codec.codebook.codes.copy_(before)
    codec.codebook.share.copy_(share)
    codec.codebook.follow(z, codec.codebook.nearest(z), noise.flatten())
    assert not torch.equal(after, before) and torch.equal(codec.codebook.codes, after)


# starting point


def test_it_starts_at_the_principal_components_of_the_patches_told_apart_by_k_means() -> None:
    codec, pixels = codec_of(stir=False), pictures(200)
    codec.start_from(pixels, torch.Generator().manual_seed(0))
    patches = cut(pixels, 4).flatten(0, 1).double().numpy()
    z = codec.vectors(pixels).detach().flatten(0, 1)
    centred = patches - patches.mean(0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:4]
    seen = (z[:, :4] / z[:, 4:]).double().numpy()  # the constant undoes the normalisation
    projected = centred @ components.T
    for k in range(4):
        assert abs(np.corrcoef(seen[:, k], projected[:, k])[0, 1]) > 0.9999
    assert codec.usage(pixels)["usage"] == 1.0


def test_its_linear_way_back_is_the_best_there_is() -> None:
    codec, pixels = codec_of(stir=False), pictures(200)
    codec.start_from(pixels, torch.Generator().manual_seed(0))
    patches = cut(pixels, 4).flatten(0, 1).double()
    codes = codec.embedding_of(codec.encode_pixels(pixels)).flatten(0, 1).double()
    inputs = torch.cat([codes, torch.ones_like(codes[:, :1])], -1)
    best = inputs @ torch.linalg.lstsq(inputs, patches).solution
    ours = cut(codec.autoencode(pixels), 4).flatten(0, 1).double()
    left, least = (float((made - patches).square().mean()) for made in (ours, best))
    assert left < 1.001 * least and left < 0.6 * float((patches - patches.mean(0)).square().mean())


# the codec


@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 20), (16, 4)])
def test_any_size_that_the_patch_divides_becomes_whole_numbers_and_a_picture_again(height: int, width: int) -> None:
    codec = codec_of()
    codes, grid = codec.encode(to_picture(pictures(1, height, width)[0]))
    assert grid == (height // 4, width // 4) and codes.shape == (grid[0] * grid[1],)
    assert codes.dtype == torch.long and 0 <= int(codes.min()) and int(codes.max()) < 12
    assert codec.decode(codes, grid).size == (width, height)
    with pytest.raises(ShapeError, match="picture of 6x8 pixels does not divide into patches of 4x4"):
        codec.grid_of(6, 8)


def test_pictures_made_of_codes_are_encoded_as_these_codes_once_the_codec_is_exact() -> None:
    """As many codes as there are patches: the start alone encodes and decodes without loss."""
    patches = torch.tensor([[-1.0, -0.2, 0.4], [0.3, 0.9, -0.6], [0.8, -0.7, 0.1], [-0.1, 0.2, 0.9]])
    which = torch.randint(4, (50, 6), generator=torch.Generator().manual_seed(0))
    pixels = patches[which].view(50, 2, 3, 3).permute(0, 3, 1, 2).repeat_interleave(4, 2).repeat_interleave(4, 3)
    codec = codec_of(stir=False, codebook_size=4)
    codec.start_from(pixels, torch.Generator().manual_seed(0))
    codes = codec.encode_pixels(pixels)
    assert len({(int(a), int(b)) for a, b in zip(which.flatten(), codes.flatten(), strict=True)}) == 4
    torch.testing.assert_close(codec.decode_pixels(codes, (2, 3)), pixels, atol=2e-3, rtol=0)
    picture = codec.decode(codes[0], (2, 3))
    assert torch.equal(codec.encode(picture)[0], codes[0])


def test_pictures_encoded_together_equal_pictures_encoded_alone_whatever_their_sizes() -> None:
    codec = codec_of()
    raws = [to_picture(p) for p in (*pictures(3), pictures(1, 4, 8)[0])]
    for (codes, grid), raw in zip(codec.encode_many(raws), raws, strict=True):
        alone, alone_grid = codec.encode(raw)
        assert torch.equal(codes, alone) and grid == alone_grid
    values = [torch.randint(12, (6,), generator=torch.Generator().manual_seed(i)) for i in range(3)]
    for together, one in zip(codec.decode_many(values, (2, 3)), values, strict=True):
        difference = np.asarray(together).astype(int) - np.asarray(codec.decode(one, (2, 3))).astype(int)
        assert np.abs(difference).max() <= 1


def test_codes_are_embedded_as_their_unit_vectors() -> None:
    codec, codes = codec_of(), torch.tensor([[3, 0], [3, 11]])
    found = codec.embedding_of(codes)
    assert torch.equal(found[0, 0], codec.codebook.codes[3]) and torch.equal(found[1, 0], found[0, 0])
    assert found.shape == (2, 2, 5)
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(2, 2))


def test_the_fingerprint_follows_weights_codebook_and_shape() -> None:
    codec = codec_of()
    first = codec.fingerprint()
    codec.codebook.codes[0, 0] += 1e-3
    second = codec.fingerprint()
    with torch.no_grad():
        codec.encoder.linear.weight[0, 0] += 1e-3
    assert len({first, second, codec.fingerprint(), codec_of(n_heads=1).fingerprint()}) == 4


def test_settings_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ConfigError, match="code_dim is 1"):
        VqShape(code_dim=1)
    with pytest.raises(ConfigError, match=r"decay is 1\.0"):
        VqShape(decay=1.0)
