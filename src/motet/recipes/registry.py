"""Every recipe by name. Adding one is a file beside this one and a line here."""

from motet.recipes.latentlm import LatentLM
from motet.recipes.recipe import Recipe

RECIPES: dict[str, type[Recipe]] = {"latentlm": LatentLM}
