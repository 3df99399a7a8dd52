"""Options as they are typed: what would have no effect is an error."""

import pytest

from motet.commands.options import recipe_of
from motet.errors import ConfigError
from motet.recipes.fluid import Fluid


@pytest.mark.parametrize(
    ("recipe", "changes", "idle"),
    [
        ("fluid", ["vq.patch=4"], "vq.patch=4"),
        ("fluid", ["tokens=discrete", "head.width=16"], "head.width=16"),
        ("fluid", ["codec.patch = 4", "tokens=discrete"], "codec.patch = 4"),
        ("fluid", ["order=raster", "masking.least=0.5"], "masking.least=0.5"),
        ("janus", ["head.width=16"], "head.width=16"),
        ("janus", ["generation=latent", "vq.codebook_size=32"], "vq.codebook_size=32"),
        ("janus", ["semantic.dim=32"], "semantic.dim=32"),
        ("janus", ["encoders=shared_vq", "contrast_batch=8"], "contrast_batch=8"),
        ("janus", ["adaptor_share=0", "adaptor_training.lr=0.1"], "adaptor_training.lr=0.1"),
    ],
)
def test_settings_of_what_is_not_chosen_are_refused(recipe: str, changes: list[str], idle: str) -> None:
    with pytest.raises(ConfigError, match=f"{idle} has no effect on {recipe}"):
        recipe_of(recipe, "tiny", changes)


def test_settings_of_what_is_chosen_are_taken() -> None:
    janus = ["encoders=shared_semantic", "semantic.dim=32", "contrast_share=0.2", "tuning_training.lr=0.1", "vq.dim=16"]
    assert recipe_of("janus", "tiny", janus).idle() == ("codec.", "head.")
    recipe = recipe_of("fluid", "tiny", ["tokens=discrete", "vq.codebook_size=32", "masking.least=0.5"])
    assert isinstance(recipe, Fluid) and (recipe.vq.codebook_size, recipe.masking.least) == (32, 0.5)
    recipe = recipe_of("fluid", "tiny", ["order=raster", "head.width=16", "codec.channels=4"])
    assert isinstance(recipe, Fluid) and (recipe.head.width, recipe.codec.channels) == (16, 4)
