"""Fluid (arXiv 2410.13863): the recipe and its sizes."""

from motet.recipes.fluid.recipe import Fluid
from motet.recipes.fluid.sizes import PAPER, STUDY, TINY

__all__ = ["PAPER", "STUDY", "TINY", "Fluid"]
