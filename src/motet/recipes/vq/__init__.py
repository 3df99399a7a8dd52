"""VQ (arXiv 2406.06525): the recipe and its sizes."""

from motet.recipes.vq.recipe import VQTokens
from motet.recipes.vq.sizes import PAPER, STUDY, TINY

__all__ = ["PAPER", "STUDY", "TINY", "VQTokens"]
