"""ACDiT (arXiv 2412.07720): the recipe and its sizes."""

from motet.recipes.acdit.recipe import ACDiT
from motet.recipes.acdit.sizes import PAPER, STUDY, TINY

__all__ = ["PAPER", "STUDY", "TINY", "ACDiT"]
