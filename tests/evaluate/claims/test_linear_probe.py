"""The linear probe: a regression that can read what is there and nothing else, from states as the model has them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from motet.data.corpus import Corpus
from motet.data.scenes.item import scene_of
from motet.data.scenes.vocabulary import SHAPES
from motet.data.source import open_source
from motet.errors import DataError
from motet.evaluate.claims.linear_probe import BEFORE, Probing, Ridge, Shown, pooled_states, probe, shown
from motet.model import Model
from motet.recipes.acdit import TINY as ACDIT
from motet.recipes.acdit import ACDiT
from motet.recipes.dit import TINY as DIT
from motet.recipes.dit import DiT
from motet.recipes.recipe import initialised
from motet.sequence import Span, pack, positions

QUICK = Probing("scenes:kind=caption,level=1,size=24,n=40,seed=1", fitted=40, chosen=10, judged=20, times=(None, 0.9))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield Corpus.of(open_source("scenes:kind=caption,level=1-2,size=24,n=100"), (16, 16))


def model_of(recipe: ACDiT | DiT, corpus: Corpus) -> Model:
    """Fresh weights with nothing at zero."""
    model = initialised(recipe, recipe.text_codec(corpus), 0).eval()
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=rng))
    return model


def test_a_ridge_reads_what_is_linear_and_no_more() -> None:
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(len(SHAPES), (600,), generator=rng)
    noise = torch.randn(600, 20, generator=rng)
    told = noise.clone()
    told[:, 3:11] += 8 * torch.nn.functional.one_hot(labels, len(SHAPES))
    parts = slice(0, 300), slice(300, 600)

    def held_out(features: torch.Tensor) -> float:
        ridge = Ridge.fit(features[parts[0]], labels[parts[0]], 1e-3)
        return ridge.right(features[parts[1]], labels[parts[1]])

    assert held_out(told) > 0.98
    assert held_out(noise) < 0.25, "an eighth is chance"
    shifted = told * 100 + 7
    assert held_out(shifted) == held_out(told), "features are standardised"


def test_only_pictures_of_one_thing_are_probed_with_their_own_shape(corpus: Corpus) -> None:
    pictures = shown(model_of(ACDIT, corpus), corpus.train, 30)
    alone = [scene for document in corpus.train.documents if len((scene := scene_of(document.id)).things) == 1]
    assert len(alone) < len(corpus.train.documents)
    assert [list(SHAPES)[i] for i in pictures.shape] == [scene.things[0].kind.shape for scene in alone[:30]]
    assert pictures.latents.shape == (30, 4, 8) and pictures.grid == (2, 2)
    with pytest.raises(DataError, match="where the probe needs 1000"):
        shown(model_of(ACDIT, corpus), corpus.train, 1000)


@pytest.mark.parametrize("recipe", [DIT, ACDIT, replace(ACDIT, block=None)], ids=["dit", "blocks", "one block"])
def test_clean_states_are_those_of_a_forward_over_the_document(recipe: ACDiT | DiT, corpus: Corpus) -> None:
    model = model_of(recipe, corpus)
    pictures = shown(model, corpus.train, 3)
    pooled = pooled_states(model, pictures, None)
    assert len(pooled) == 2 and pooled[0].shape == (3, 32)
    blocks = [[0, 1], [2, 3]] if isinstance(recipe, ACDiT) and recipe.block == 2 else [[0, 1, 2, 3]]
    for i, latents in enumerate(pictures.latents):
        pos = positions(4, BEFORE + 1, (2, 2))
        text = [model.text.begin, model.mark("image")[0]]
        document = [
            Span("text", torch.tensor(text[:1]), positions(1, 0)),
            Span("text", torch.tensor(text[1:]), positions(1, BEFORE)),
            *(Span("image", latents[at], pos[at], whole=True) for at in blocks),
        ]
        seen: list[torch.Tensor] = []
        hook = model.backbone.blocks[-1].register_forward_hook(lambda block, given, out, seen=seen: seen.append(out[0]))
        with torch.no_grad():
            model.hidden(pack([document], rows=1, length=6))
        hook.remove()
        torch.testing.assert_close(pooled[-1][i], seen[0][0, 2:].mean(0))


def test_noised_states_are_of_noised_tokens_and_see_only_clean_blocks_before_them(corpus: Corpus) -> None:
    model = model_of(ACDIT, corpus)  # blocks of two of four tokens
    pictures = shown(model, corpus.train, 2)
    clean, noised = pooled_states(model, pictures, None), pooled_states(model, pictures, 0.7)
    assert not torch.allclose(clean[-1], noised[-1])
    almost = pooled_states(model, pictures, 1.0)
    assert not torch.allclose(clean[-1], almost[-1]), "time modulates noised tokens, whatever their noise"
    assert torch.equal(noised[-1], pooled_states(model, pictures, 0.7)[-1]), "noise is drawn from fixed seeds"


def test_the_probe_finds_a_shape_that_latents_tell(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the shape written into the latents, the states of a random model tell it as well."""
    model = model_of(DIT, corpus)

    def written(model: Model, split: object, n: int) -> Shown:
        rng = torch.Generator().manual_seed(n)
        shape = torch.randint(len(SHAPES), (n,), generator=rng)
        latents = torch.nn.functional.one_hot(shape, 8).float()[:, None] + 0.1 * torch.randn(n, 4, 8, generator=rng)
        return Shown(latents, (2, 2), shape)

    monkeypatch.setattr("motet.evaluate.claims.linear_probe.shown", written)
    found = probe(model, corpus, replace(QUICK, fitted=200, chosen=50, judged=60))
    assert found.accuracy > 0.9 and found.pooled > 0.9
    assert found.time in (0.9, 1.0) and found.block in (0, 1)
