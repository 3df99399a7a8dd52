"""MAR (arXiv 2406.11838): the recipe and its sizes."""

from motet.recipes.mar.recipe import MAR
from motet.recipes.mar.sizes import PAPER, STUDY, TINY

__all__ = ["MAR", "PAPER", "STUDY", "TINY"]
