"""Image-text contrast: SigLIP's loss, what counts as a true pair, and that a small encoder learns from it."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor

from motet.codecs.features import Features, FeaturesShape
from motet.codecs.text import TextCodec
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.errors import DataError
from motet.recipes.train_contrast import CAPTION_LENGTH, TrainContrast, siglip_loss, true_pairs
from motet.train.loop import train
from motet.train.objective import Objective
from motet.train.settings import Budget, TrainSettings
from support.squares import COLOURS, squares

pytestmark = pytest.mark.usefixtures("own_cache")
COPY = Document("copy", (Part("text", "a crimson square"), Part("image", Image.new("RGB", (8, 8), COLOURS["red"]))))
SAID = Document("said", (Part("text", "a red square"), Part("image", Image.new("RGB", (8, 8), (200, 40, 40)))))


def squares_and(*more: Document) -> Corpus:
    """More is learned from than is judged."""
    few = squares(8)
    return replace(few, train=replace(few.train, documents=(*few.train.documents, *more)))


def contrast(corpus: Corpus, *, batch: int = 8, seed: int = 0) -> TrainContrast:
    text = TextCodec.learn(corpus.train.texts, 280)
    torch.manual_seed(0)
    features = Features(FeaturesShape(patch=4, dim=16, n_layers=1, n_heads=2))
    return TrainContrast(features, text, corpus, batch=batch, seed=seed)


def steps(objective: Objective, n: int) -> None:
    optimizer, cursor = torch.optim.Adam(objective.module.parameters(), lr=1e-2), 0
    for _ in range(n):
        batch, cursor = objective.batch(cursor)
        objective.losses(batch).total.backward()
        optimizer.step()
        optimizer.zero_grad()


def parameters(objective: Objective) -> Tensor:
    return torch.cat([p.detach().flatten() for p in objective.module.parameters()])


def test_the_loss_is_the_sum_over_captions_and_mean_over_pictures_of_each_pairs_log_sigmoid():
    rng = torch.Generator().manual_seed(0)
    logits, true = torch.randn(5, 5, generator=rng) * 3, torch.rand(5, 5, generator=rng) < 0.4
    total = 0.0
    for i in range(5):
        for j in range(5):
            z = 1 if true[i, j] else -1
            total -= math.log(1 / (1 + math.exp(-z * float(logits[i, j]))))
    assert float(siglip_loss(logits, true)) == pytest.approx(total / 5, rel=1e-5)


def test_logits_are_cosines_times_t_plus_the_bias_and_begin_as_in_the_paper():
    objective = contrast(squares(8))
    module, (pairs, _) = objective.module, objective.batch(0)
    with torch.no_grad():
        cosine = (module.logits(pairs) + 10) / 10
        assert cosine.abs().max() <= 1 + 1e-5 and cosine.std() > 0.01
        module.log_t.add_(1.0)
        module.bias.fill_(2.0)
        torch.testing.assert_close(module.logits(pairs), 10 * math.e * cosine + 2, atol=1e-3, rtol=1e-3)


def test_copies_of_a_picture_or_a_caption_are_true_pairs_and_no_negatives():
    true = true_pairs(["p", "q", "p", "r"], ["a", "b", "c", "b"])
    expected = [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]]
    assert true.int().tolist() == expected


def test_copies_in_the_data_are_found_in_a_batch():
    objective = contrast(squares_and(COPY, SAID), batch=6)
    pairs, following = objective.batch(0)
    drawn = [objective.order[k] for k in range(6)]
    red, copy, said = (drawn.index(number) for number in (0, 4, 5))
    wanted = torch.eye(6, dtype=torch.bool)
    for other in (copy, said):  # one shares its picture with the first document, one its caption
        wanted[red, other] = wanted[other, red] = True
    assert torch.equal(pairs.true, wanted) and following == 6


def test_padding_changes_no_caption():
    wordy = Document("wordy", (Part("text", "nothing but a square of one colour"), COPY.parts[1]))
    objective = contrast(squares_and(wordy))
    pairs, _ = objective.batch(0)
    tower = objective.module.tower.requires_grad_(False)
    for parameter in tower.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.2)
    padded = tower(pairs.ids, pairs.lengths)
    assert pairs.lengths.min() < pairs.ids.shape[1]
    for row, length in enumerate(pairs.lengths.tolist()):
        alone = tower(pairs.ids[row : row + 1, :length], pairs.lengths[row : row + 1])
        torch.testing.assert_close(padded[row : row + 1], alone, atol=1e-5, rtol=1e-4)


def test_it_learns_which_caption_belongs_to_which_picture():
    objective = contrast(squares(8))
    with torch.no_grad():
        before = objective.evaluate()
    steps(objective, 60)
    with torch.no_grad():
        after = objective.evaluate()
    assert after["contrast"] < before["contrast"] / 3
    assert after["picture_to_caption"] == after["caption_to_picture"] == 1.0


def test_what_is_judged_is_spread_over_all_that_is_held_out(monkeypatch: pytest.MonkeyPatch):
    objective, seen = contrast(squares(8)), []
    pairs = objective.held_out.pairs
    monkeypatch.setattr("motet.recipes.train_contrast.JUDGED", 2)
    monkeypatch.setattr(objective.held_out, "pairs", lambda chosen: seen.append(list(chosen)) or pairs(chosen))
    with torch.no_grad():
        objective.evaluate()
    assert seen == [[0, len(COLOURS) // 2]]


def test_retrieval_accepts_the_caption_of_an_equal_picture():
    corpus = squares_and(COPY)
    objective = contrast(Corpus("copies", corpus.train, corpus.train))
    steps(objective, 60)
    with torch.no_grad():
        assert objective.evaluate()["picture_to_caption"] == 1.0


def test_equal_seeds_train_equally_and_leave_the_global_generator_alone():
    trained = []
    for seed in (0, 0, 1):
        objective = contrast(squares(8), batch=3, seed=seed)
        state = torch.get_rng_state()
        steps(objective, 3)
        assert torch.equal(torch.get_rng_state(), state)
        trained.append(parameters(objective))
    assert torch.equal(trained[0], trained[1]) and not torch.equal(trained[0], trained[2])
    torch.manual_seed(0)
    Features(FeaturesShape(patch=4, dim=16, n_layers=1, n_heads=2))
    after = torch.get_rng_state()
    contrast(squares(8))
    assert torch.equal(torch.get_rng_state(), after)


def test_the_encoder_keeps_the_averaged_weights_of_the_stage_also_when_it_is_found_finished(
    tmp_path: Path,
):
    settings = TrainSettings(lr=1e-2, warmup=0, precision="fp32", ema=0.9, eval_at=(), preview_at=())
    found = []
    for begun_from in (0, 1):
        objective = contrast(squares(8), seed=0)
        with torch.no_grad():
            objective.module.features.project_in.weight.add_(begun_from)
        result = train(objective, Budget(steps=4), settings, tmp_path, "contrast", console=Console(quiet=True))
        raw = objective.module.features.project_in.weight.clone()
        result.ema.adopt()
        assert not torch.equal(raw, objective.module.features.project_in.weight)
        found.append(objective.module.features.state_dict())
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())


def test_every_weight_of_the_encoder_learns():
    objective = contrast(squares(8))
    before = {name: p.detach().clone() for name, p in objective.module.features.named_parameters()}
    steps(objective, 3)
    assert [n for n, p in objective.module.features.named_parameters() if torch.equal(p, before[n])] == []


def test_other_documents_than_pairs_are_passed_over():
    alone = Document("alone", (Part("image", Image.new("RGB", (8, 8))),))
    asked = Document("asked", (*SAID.parts, Part("text", "which colour?")))
    objective = contrast(squares_and(alone, asked, SAID))
    assert objective.train.captions == [f"a {name} square" for name in COLOURS] + ["a red square"]
    pairs = objective.train.pairs([4])
    torch.testing.assert_close(pairs.pixels[0, 0], torch.full((8, 8), 200 / 127.5 - 1))


def test_captions_that_are_too_long_are_cut_with_a_warning(caplog: pytest.LogCaptureFixture):
    long = Document("long", (Part("text", "xyzw " * 40), Part("image", Image.new("RGB", (8, 8)))))
    text = TextCodec.learn(["a"], 270)
    features = Features(FeaturesShape(patch=4, dim=16, n_layers=1, n_heads=2))
    objective = TrainContrast(features, text, squares_and(long), batch=2, seed=0)
    assert objective.train.length == CAPTION_LENGTH
    assert f"1 captions are longer than {CAPTION_LENGTH} ids" in caplog.text


def test_data_without_captioned_pictures_is_an_error():
    split = Split((Document("alone", (Part("image", Image.new("RGB", (8, 8))),)),), (8, 8))
    with pytest.raises(DataError, match="bare has 0 documents of one picture with one text"):
        TrainContrast(
            Features(FeaturesShape()), TextCodec.learn(["a"], 270), Corpus("bare", split, split), batch=2, seed=0
        )
