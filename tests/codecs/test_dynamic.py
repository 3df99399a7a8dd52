"""The dynamic tokenizer: its two parts of training, its selection, and its two directions."""

import numpy as np
import pytest
import torch
from torch import Tensor

from motet.codecs.dynamic import Dynamic, DynamicShape
from motet.codecs.painter import ranks
from motet.codecs.pixels import to_picture, to_tensor
from motet.errors import ConfigError, ShapeError
from support.random_weights import randomise

SHAPE = {"patch": 4, "rate": 0.5, "codebook_size": 12, "code_dim": 4, "dim": 16, "n_heads": 2}
LAYERS = {"encoder_layers": 1, "merger_layers": 1, "painter_layers": 1}


def pictures(n: int, seed: int = 1) -> Tensor:
    """Random pictures of 8 x 12 pixels in -1 to 1 as pictures have them, grey but for one coloured patch or more."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.randn(n, 3, 2, 3, generator=rng) * (torch.rand(n, 1, 2, 3, generator=rng) < 0.4)
    pixels = torch.nn.functional.interpolate(coarse, (8, 12)).tanh()
    return torch.stack([to_tensor(to_picture(picture)) for picture in pixels])


def codec_of(*, quantised: bool = True, **changes: object) -> Dynamic:
    codec = Dynamic(DynamicShape(**(SHAPE | LAYERS | changes)), side=12)
    rng = torch.Generator().manual_seed(4)
    randomise(codec, rng, spread=0.3)
    if quantised:
        codec.quantise(pictures(64), rng)
        codec.measure(pictures(64), rng)
    return codec.eval()


@pytest.mark.parametrize("positions", [False, True])
def test_pictures_are_encoded_into_sentences_of_their_own_length_and_decoded_from_them(positions: bool):
    codec, raws = codec_of(positions=positions), [to_picture(p) for p in pictures(8)]
    encoded = codec.encode_many(raws)
    assert {grid for _, grid in encoded} == {(2, 3)} and len({len(values) for values, _ in encoded}) > 1
    together = codec.decode_many([values for values, _ in encoded], (2, 3))
    through = codec.autoencode(pictures(8))
    for (values, _), raw, picture, made in zip(encoded, raws, together, through, strict=True):
        ids = values[:, -1].long()
        assert ids[-1] == codec.sentence.end and not (ids[:-1] == codec.sentence.end).any()
        torch.testing.assert_close(codec.encode(raw)[0], values, atol=1e-4, rtol=1e-4)
        for back in (codec.decode(ids, (2, 3)), codec.decode(values, (2, 3)), to_picture(made)):
            difference = np.abs(np.asarray(back, dtype=int) - np.asarray(picture, dtype=int))
            assert difference.max() <= 1, "padding, and features beside the codes, must not show"


def test_a_sentence_of_no_codes_and_one_without_an_end_can_be_drawn():
    codec = codec_of()
    assert codec.decode(torch.tensor([12]), (2, 3)).size == (12, 8)
    assert (
        codec.decode(torch.tensor([1, 2, 3]), (2, 3)).tobytes()
        == codec.decode(torch.tensor([1, 2, 3, 12]), (2, 3)).tobytes()
    )
    said = codec_of(positions=True)
    with pytest.raises(ShapeError, match=r"says place 8, which a grid of \(2, 3\) does not have"):
        said.decode(torch.tensor([13 + 8, 1, 12]), (2, 3))


def test_the_wanted_share_is_kept_of_the_pictures_that_codes_were_put_in_place_by():
    codec = codec_of(rate=0.3)
    assert codec.numbers(pictures(64))["kept"] / 6 == pytest.approx(0.3, abs=0.1)
    assert codec.numbers(pictures(64))["kept_std"] > 0.1, "some need more than others"


def test_what_is_read_has_zero_mean_and_unit_spread_and_zeros_beside_the_end():
    codec = codec_of()
    values = [values for values, _ in codec.encode_many([to_picture(p) for p in pictures(64)])]
    features = torch.cat([one[:-1, :-1] for one in values])
    torch.testing.assert_close(features.mean(0), torch.zeros(16), atol=1e-3, rtol=0)
    torch.testing.assert_close(features.std(0), torch.ones(16), atol=1e-2, rtol=0)
    assert not any(one[-1, :-1].any() for one in values)


def test_the_loss_reaches_the_selector_without_codes_and_the_codebook_follows_with_them():
    codec, pixels, rng = codec_of(quantised=False).train(), pictures(16), torch.Generator().manual_seed(0)
    assert "rate" not in codec.loss(pixels, codec.noise_for(pixels, rng)), "all patches are kept at first"
    codec.choose()
    terms = codec.loss(pixels, codec.noise_for(pixels, rng))
    assert terms.keys() == {"l1", "mse", "multiscale", "rate"}
    terms["l1"].backward()
    weight = codec.selector.project_out.weight
    assert weight.grad is not None and float(weight.grad.abs().max()) > 0
    codec.quantise(pixels, rng)
    before = codec.codebook.codes.clone()
    terms = codec.loss(pixels, codec.noise_for(pixels, rng))
    assert terms.keys() == {"l1", "mse", "multiscale", "commitment"}
    assert not torch.equal(codec.codebook.codes, before)


def test_it_learns_and_comes_to_keep_more_of_pictures_that_show_more():
    codec, rng = (
        Dynamic(DynamicShape(**(SHAPE | LAYERS | {"dim": 32, "positions": True})), side=12).train(),
        torch.Generator().manual_seed(0),
    )
    pool = pictures(128)
    codec.start_from(pool, rng)
    optimizer = torch.optim.Adam(codec.parameters())
    for step in range(200):
        if step == 80:
            codec.choose()
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, (step + 1) / 30) * (1 - step / 200)
        pixels = pool[torch.randperm(128, generator=rng)[:48]]
        codec.objective(codec.loss(pixels, codec.noise_for(pixels, rng))).backward()
        torch.nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    codec.eval()
    assert float((codec.autoencode(pool) - pool).abs().mean()) < 0.7 * float(pool.abs().mean())
    codec.quantise(pool, rng)
    coloured = (torch.nn.functional.avg_pool2d(pool, 4).abs().amax(1) > 0.02).flatten(1).sum(1).float()
    kept = codec.merged(pool).keep.detach().sum(1)
    assert float(torch.corrcoef(torch.stack([coloured, kept]))[0, 1]) > 0.5


def test_where_training_starts_from_is_decided_by_the_generator_it_is_given_and_no_other():
    codec, begun = codec_of(quantised=False), []
    for elsewhere, seed in ((0, 5), (1, 5), (1, 6)):
        torch.manual_seed(elsewhere)
        codec.start_from(pictures(8), torch.Generator().manual_seed(seed))
        begun.append(codec.paint.project_out.weight.detach().clone())
    assert torch.equal(begun[0], begun[1]), "a run in another process begins alike"
    assert not torch.equal(begun[1], begun[2])
    assert float(begun[0].std()) == pytest.approx(0.02, rel=0.15)


def test_pictures_of_other_sizes_are_drawn_where_places_are_not_said():
    assert codec_of().drawn_grid_of(8, 12) == (2, 3)
    said = codec_of(positions=True)
    assert said.drawn_grid_of(12, 12) == (3, 3)
    with pytest.raises(ShapeError, match=r"8x12 pixels are wanted, but .* know those of 12x12 pixels alone"):
        said.drawn_grid_of(8, 12)


def test_ranks_count_what_is_shown_before():
    assert ranks(torch.tensor([[False, True, False, True, True]])).tolist() == [[0, 0, 0, 1, 2]]


def test_shapes_that_cannot_be_are_errors():
    with pytest.raises(ConfigError, match="a share of the patches is kept, between 0 and 1"):
        DynamicShape(rate=1.5)
    with pytest.raises(ConfigError, match="code_dim 1 must be at least 2"):
        DynamicShape(code_dim=1)
