"""What a recipe says that training costs is what torch counts, so that equal budgets in FLOPs are equal."""

import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.recipes.recipe import initialised
from motet.recipes.registry import RECIPES
from motet.recipes.train_joint import TrainJointly
from motet.recipes.trained_codecs import trained_codecs

pytestmark = pytest.mark.usefixtures("file_cache")


@pytest.mark.parametrize("name", RECIPES)
def test_flops_are_those_that_torch_counts(name: str) -> None:
    """At the size of comparisons; in tiny models what is left out (embeddings, times) is a large part."""
    recipe = RECIPES[name].sizes["study"]
    corpus = Corpus.of(open_source("scenes:kind=told,level=1-3,lattice=8,size=32,n=80"), (32, 32))
    model = initialised(recipe, recipe.text_codec(corpus), 0)
    for stage in recipe.stages(0):
        objective = stage.objective(model, corpus)
        if trained_codecs(model, objective) is None:
            assert isinstance(objective, TrainJointly)
            batch, _ = objective.batch(0)
            with FlopCounterMode(display=False) as counted, sdpa_kernel(SDPBackend.MATH):
                losses = objective.losses(batch)
                losses.total.backward()
            model.zero_grad()
            said = losses.tokens * objective.flops_per_token()
            assert said == pytest.approx(counted.get_total_flops(), rel=0.06), stage.name
