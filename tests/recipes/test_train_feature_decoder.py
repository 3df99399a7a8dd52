"""The stage that trains a pyramid's decoder."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from motet.codecs.feature_decoder import FeatureDecoder, FeatureDecoderShape
from motet.codecs.features import Features, FeaturesShape
from motet.codecs.pyramid import Pyramid
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.errors import CapabilityError, ConfigError, DataError
from motet.recipes.train_feature_decoder import TrainFeatureDecoder
from support.squares import COLOURS

FACTORS = (2, 1)
SQUARES = tuple(COLOURS.values())
pytestmark = pytest.mark.usefixtures("own_cache")


def corpus_of(*colours: tuple[int, int, int]) -> Corpus:
    documents = tuple(
        Document(str(i), (Part("image", Image.new("RGB", (8, 8), colour)),)) for i, colour in enumerate(colours)
    )
    return Corpus("squares", Split(documents, (8, 8)), Split(documents, (8, 8)))


def pyramid(*, decodes: bool = True) -> Pyramid:
    torch.manual_seed(0)
    features = Features(FeaturesShape(patch=4, dim=16, n_layers=1, n_heads=2))
    features.measure(corpus_of(*SQUARES).train.pixels.batch(range(4)))
    decoder = FeatureDecoder(16, 4, FACTORS, FeatureDecoderShape(dim=32, n_layers=1, n_heads=2, steps=4))
    return Pyramid(features, FACTORS, decoder=decoder if decodes else None)


def objective_for(made: Pyramid, *, batch: int = 6, dropout: float = 0.1, seed: int = 0) -> TrainFeatureDecoder:
    return TrainFeatureDecoder(made, corpus_of(*SQUARES), batch=batch, condition_dropout=dropout, seed=seed)


def test_the_loss_is_the_mean_over_pictures_each_drawn_from_one_scale():
    made = pyramid()
    objective = objective_for(made, batch=5, dropout=0.5)
    batch, following = objective.batch(7)
    assert following == 12 and 0 < int(batch.dropped.sum()) < 5
    losses = []
    for i in range(5):
        scale = i % 2
        shown = torch.full((1, 3, 8, 8), -1.0) if batch.dropped[i] else batch.pixels[i : i + 1]
        seen = made.split(made.encode_pixels(shown), (2, 2))[scale]
        one = (x[i : i + 1] for x in (batch.pixels, batch.times, batch.noise))
        losses.append(made.decoder.loss(*one, seen, scale=scale))
    found = objective.losses(batch)
    torch.testing.assert_close(found.total, torch.cat(losses).mean(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.parts["flow_1"], torch.cat(losses[::2]).mean(), rtol=1e-4, atol=1e-5)
    assert found.tokens == 3 * (1 + 4) + 2 * (4 + 4)


def test_a_batch_is_replayed_by_its_cursor_and_the_seed_alone():
    first, again, other = (objective_for(pyramid(), seed=seed).batch(4)[0] for seed in (0, 0, 1))
    for name, value in vars(first).items():
        assert torch.equal(value, vars(again)[name])
    assert not torch.equal(first.noise, other.noise) and not torch.equal(first.times, other.times)


def test_the_decoder_learns_to_draw_and_the_encoder_stays_as_it_is(tmp_path: Path):
    made = pyramid()
    objective, encoder = objective_for(made, batch=16), made.fingerprint()
    before = objective.evaluate()
    assert before.keys() == {"psnr_1", "psnr_4"}
    optimizer, cursor = torch.optim.Adam(made.decoder.parameters(), lr=3e-3), 0
    for _ in range(80):
        batch, cursor = objective.batch(cursor)
        objective.losses(batch).total.backward()
        optimizer.step()
        optimizer.zero_grad()
    after = objective.evaluate()
    assert all(after[name] > before[name] + 8 for name in after), (before, after)
    assert made.fingerprint() == encoder
    assert all(p.grad is None for p in made.features.parameters())
    objective.preview(tmp_path / "sheet.png")
    sheet = Image.open(tmp_path / "sheet.png")
    assert max(abs(a - b) for a, b in zip(sheet.getpixel((60, 60)), SQUARES[0], strict=True)) < 5, "the original first"


def test_what_is_judged_is_spread_over_all_that_is_held_out_and_nothing_is_if_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    objective, seen = objective_for(pyramid()), []
    monkeypatch.setattr("motet.recipes.train_feature_decoder.JUDGED", 2)
    monkeypatch.setattr(objective, "_drawn", lambda pixels, scale: seen.append(pixels) or pixels)
    objective.evaluate()
    assert torch.equal(seen[0], objective.corpus.held_out.pixels.batch([0, 2]))
    told = Split((Document("told", (Part("text", "no picture"),)),), (8, 8))
    objective.corpus = Corpus("told", objective.corpus.train, told)
    assert objective.evaluate() == {}
    objective.preview(tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(CapabilityError, match="no decoder to train"):
        objective_for(pyramid(decodes=False))
    with pytest.raises(ConfigError, match="batch of 1 pictures leaves some of the 2 scales"):
        objective_for(pyramid(), batch=1)
    with pytest.raises(DataError, match="has no pictures"):
        TrainFeatureDecoder(pyramid(), corpus_of(), batch=4, condition_dropout=0.1, seed=0)
