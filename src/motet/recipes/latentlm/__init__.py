"""LatentLM (arXiv 2412.08635): the recipe and its sizes."""

from motet.recipes.latentlm.recipe import LatentLM
from motet.recipes.latentlm.sizes import PAPER, STUDY, TINY

__all__ = ["PAPER", "STUDY", "TINY", "LatentLM"]
