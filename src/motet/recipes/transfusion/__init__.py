"""Transfusion (arXiv 2408.11039): the recipe and its sizes."""

from motet.recipes.transfusion.recipe import Transfusion
from motet.recipes.transfusion.sizes import PAPER, STUDY, TINY

__all__ = ["PAPER", "STUDY", "TINY", "Transfusion"]
