"""LaVIT (arXiv 2309.04669): the recipe, its stages and its sizes."""

from motet.recipes.lavit.recipe import VIEW, LaVIT
from motet.recipes.lavit.sizes import PAPER, STUDY, TINY

__all__ = ["PAPER", "STUDY", "TINY", "VIEW", "LaVIT"]
