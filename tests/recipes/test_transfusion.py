"""Transfusion's cap on the noise of a picture that comes before its text."""

from dataclasses import replace

import pytest
import torch

from motet.data.corpus import Corpus
from motet.errors import ConfigError
from motet.model import TEXT, Model
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import initialised
from motet.recipes.transfusion import TINY, Transfusion
from motet.sequence import Packed, pack
from support.squares import PLAIN, squares

pytestmark = pytest.mark.usefixtures("own_cache")


def corpus() -> Corpus:
    return squares(16, PLAIN)


def model_of(recipe: Transfusion) -> Model:
    return initialised(recipe, recipe.text_codec(corpus()), 0)


def batch_of(recipe: Transfusion) -> Packed:
    """A batch of the model's stage, in which every picture comes first."""
    model = model_of(replace(recipe, text_first=0.0, condition_dropout=0.0))
    stage = replace(recipe, text_first=0.0, condition_dropout=0.0).model_stage(0)
    return stage.objective(model, corpus()).batch(0)[0][0]


def test_without_a_cap_a_picture_that_comes_first_is_clean_and_only_read():
    batch = batch_of(TINY)
    assert batch.time.isnan().all() and IMAGE not in batch.target


def test_with_a_cap_it_is_learned_and_never_noised_further():
    batch = batch_of(replace(TINY, noise_cap=0.5))
    times = batch.time.flatten()[batch.place[IMAGE]]
    assert 0.5 <= times.min() < 0.7 < times.max() < 1 and len(batch.target[IMAGE].at) == len(times)
    assert len(batch.target[TEXT].at) > 0


def test_pictures_behind_their_text_are_noised_all_the_way():
    recipe = replace(TINY, noise_cap=0.5, text_first=1.0)
    batch = recipe.model_stage(0).objective(model_of(recipe), corpus()).batch(0)[0][0]
    assert batch.time.flatten()[batch.place[IMAGE]].min() < 0.2


def test_a_picture_that_is_read_stands_where_the_last_noise_is_gone():
    """Its embedding is the limit of those that training with a cap shows."""
    model = model_of(replace(TINY, noise_cap=0.5))
    text, picture = corpus().train.encoded(model)[0]
    spans = model.arrange([replace(picture, learn=False), text], torch.Generator().manual_seed(0))
    at_one = [replace(span, time=torch.ones(len(span))) if span.modality == IMAGE else span for span in spans]
    clean, limit = (pack([doc], rows=1, length=sum(map(len, doc))) for doc in (spans, at_one))
    assert clean.time.isnan().all() and torch.equal(model.embed(clean), model.embed(limit))


def test_a_cap_is_a_share():
    with pytest.raises(ConfigError, match=r"noise_cap is 1\.5"):
        replace(TINY, noise_cap=1.5)
