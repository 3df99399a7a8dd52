"""Codecs are shared by whoever has the same ones, wherever they stand in a recipe, and by nobody else."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from motet.codecs.decoupled import Decoupled
from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.errors import CheckpointError
from motet.evaluate.compare.prepare import Workshop, prepared
from motet.recipes import janus, lavit, puma, vq
from motet.recipes.recipe import Recipe, initialised
from motet.recipes.study import SIDE
from motet.recipes.trained_codecs import put_codecs
from motet.train.settings import Budget


@pytest.fixture(autouse=True)
def _as_they_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codecs are kept as they start: which of them are trained, and where they go, is all that is asked here."""
    done = SimpleNamespace(finished=True, interrupted=False, ema=SimpleNamespace(adopt=lambda: None))
    monkeypatch.setattr("motet.evaluate.compare.prepare.train", lambda *_, **__: done)


def made(recipe: Recipe, corpus: Corpus, folder: Path) -> dict[str, Path]:
    workshop = Workshop(folder, Budget(steps=1), corpus, Console(quiet=True))
    found = prepared(recipe, recipe.text_codec(corpus), workshop)
    assert found is not None
    return found


def names(recipe: Recipe, corpus: Corpus, folder: Path) -> dict[str, str]:
    return {stage: path.parent.name for stage, path in made(recipe, corpus, folder).items()}


def test_at_the_size_of_studies_vq_and_janus_have_one_set_of_codes_bit_for_bit(data: str, tmp_path: Path) -> None:
    corpus = Corpus.of(open_source(data), (SIDE, SIDE))
    one, other = made(vq.STUDY, corpus, tmp_path), made(janus.STUDY, corpus, tmp_path)
    assert list(other) == ["codec", "contrast"] and other["codec"] == one["codec"]
    text = vq.STUDY.text_codec(corpus)
    first, second = initialised(vq.STUDY, text, 3), initialised(janus.STUDY, text, 4)
    plain, decoupled = first.modality("image").codec, second.modality("image").codec
    assert isinstance(decoupled, Decoupled) and decoupled.drawn.fingerprint() != plain.fingerprint()
    given = decoupled.given.fingerprint()
    for model in (first, second):
        put_codecs(model, one["codec"])
    assert decoupled.drawn.fingerprint() == plain.fingerprint()
    assert decoupled.given.fingerprint() == given, "another stage's"


def test_what_a_recipe_does_not_use_decides_nothing(corpus: Corpus, tmp_path: Path) -> None:
    unused = replace(janus.TINY, codec=replace(janus.TINY.codec, channels=4))
    assert names(unused, corpus, tmp_path) == names(janus.TINY, corpus, tmp_path)


def test_other_codes_are_not_shared_but_the_encoder_beside_them_is(corpus: Corpus, tmp_path: Path) -> None:
    more = replace(janus.TINY, vq=replace(janus.TINY.vq, codebook_size=8))
    one, other = (names(recipe, corpus, tmp_path) for recipe in (janus.TINY, more))
    assert one["codec"] != other["codec"] and one["contrast"] == other["contrast"]


def test_every_stage_of_another_batch_is_another(corpus: Corpus, tmp_path: Path) -> None:
    one, other = (names(replace(lavit.TINY, codec_batch=size), corpus, tmp_path) for size in (32, 16))
    assert list(one) == ["painting", "merging", "codec"]
    assert all(one[stage] != other[stage] for stage in one)


def test_a_decoder_of_features_depends_on_the_stage_that_made_them(corpus: Corpus, tmp_path: Path) -> None:
    one, other = (names(replace(puma.TINY, contrast_batch=size), corpus, tmp_path) for size in (16, 8))
    assert one["contrast"] != other["contrast"] and one["codec"] != other["codec"]


def test_a_file_that_is_lost_is_made_again(corpus: Corpus, tmp_path: Path) -> None:
    found = made(vq.TINY, corpus, tmp_path)
    found["codec"].unlink()
    assert made(vq.TINY, corpus, tmp_path) == found and found["codec"].is_file()


def test_codecs_of_other_parts_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    model = initialised(vq.TINY, vq.TINY.text_codec(corpus), 0)
    with pytest.raises(CheckpointError, match="another model: 0 parts"):
        put_codecs(model, made(lavit.TINY, corpus, tmp_path)["codec"])
