"""Janus (arXiv 2410.13848): the recipe, its stages and its sizes."""

from motet.recipes.janus.recipe import VIEW, Janus
from motet.recipes.janus.sizes import PAPER, STUDY, TINY

__all__ = ["PAPER", "STUDY", "TINY", "VIEW", "Janus"]
