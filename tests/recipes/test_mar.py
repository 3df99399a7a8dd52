"""What MAR's training costs: its encoder does not see hidden tokens, and is not charged for them."""

from dataclasses import replace

import pytest

from motet.data.corpus import Corpus
from motet.recipes.mar import MAR, TINY
from motet.recipes.recipe import initialised
from motet.recipes.train_joint import TrainJointly
from motet.sequence import NO_DOCUMENT
from support.squares import PLAIN, squares


@pytest.fixture
def corpus(own_cache: None) -> Corpus:
    return squares(48, PLAIN)


def objective(recipe: MAR, corpus: Corpus) -> TrainJointly:
    made = recipe.model_stage(0).objective(initialised(recipe, recipe.text_codec(corpus), 0), corpus)
    assert isinstance(made, TrainJointly)
    return made


def test_each_block_counts_for_the_tokens_and_rows_that_it_works_on(corpus: Corpus):
    recipe = replace(TINY, image_size=48, text_first=1.0)
    made = objective(recipe, corpus)
    model, packed = made.module, made.batch(0)[0][0]
    rows, length = packed.shape
    encoder, decoder = model.backbone.blocks
    runs: list[tuple[int, int]] = []
    encoder.blocks[0].register_forward_hook(lambda block, given, out: runs.append(tuple(given[0].shape[:2])))
    model.hidden(packed)
    ((fewer, _),) = runs
    real = packed.tags.doc != NO_DOCUMENT
    shown = int((real & ~packed.hidden()).sum())
    assert 0 < shown < 0.6 * packed.n_tokens and fewer < rows

    dim = recipe.backbone.dim
    expected = 12 * dim * length**2 * (fewer + rows)
    for part, computed in ((encoder, fewer), (decoder, rows), (model.backbone.norm, rows)):
        expected += 6 * sum(p.numel() for p in part.parameters()) * computed * length
    for name, target in packed.target.items():
        head = model.modality(name).head
        expected += 6 * sum(p.numel() for p in head.parameters()) * len(target.at) * head.passes
    assert made.flops_per_token() == pytest.approx(expected / packed.n_tokens, rel=1e-6)


def test_an_encoder_saves_training(corpus: Corpus):
    plain = replace(TINY, image_size=48, text_first=1.0, encoder_layers=0)
    assert objective(replace(plain, encoder_layers=1), corpus).flops_per_token() < (
        0.95 * objective(plain, corpus).flops_per_token()
    )
