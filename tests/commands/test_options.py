"""Options as they are typed: what would have no effect is an error."""

import pytest

from motet.commands.options import recipe_of
from motet.errors import ConfigError
from motet.recipes.fluid import Fluid


@pytest.mark.parametrize(
    ("changes", "idle"),
    [
        (["vq.patch=4"], "vq.patch=4"),
        (["tokens=discrete", "head.width=16"], "head.width=16"),
        (["codec.patch = 4", "tokens=discrete"], "codec.patch = 4"),
        (["order=raster", "masking.least=0.5"], "masking.least=0.5"),
    ],
)
def test_settings_of_what_is_not_chosen_are_refused(changes: list[str], idle: str) -> None:
    with pytest.raises(ConfigError, match=f"{idle} has no effect on fluid"):
        recipe_of("fluid", "tiny", changes)


def test_settings_of_what_is_chosen_are_taken() -> None:
    recipe = recipe_of("fluid", "tiny", ["tokens=discrete", "vq.codebook_size=32", "masking.least=0.5"])
    assert isinstance(recipe, Fluid) and (recipe.vq.codebook_size, recipe.masking.least) == (32, 0.5)
    recipe = recipe_of("fluid", "tiny", ["order=raster", "head.width=16", "codec.channels=4"])
    assert isinstance(recipe, Fluid) and (recipe.head.width, recipe.codec.channels) == (16, 4)
