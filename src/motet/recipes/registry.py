"""Every recipe by name. Adding one is a file (or a folder) beside this one and a line here."""

from motet.recipes.acdit import ACDiT
from motet.recipes.dit import DiT
from motet.recipes.emu import Emu
from motet.recipes.fluid import Fluid
from motet.recipes.janus import Janus
from motet.recipes.latentlm import LatentLM
from motet.recipes.lavit import LaVIT
from motet.recipes.mar import MAR
from motet.recipes.puma import PUMA
from motet.recipes.recipe import Recipe
from motet.recipes.transfusion import Transfusion
from motet.recipes.vq import VQTokens

RECIPES: dict[str, type[Recipe]] = {
    "latentlm": LatentLM,
    "transfusion": Transfusion,
    "dit": DiT,
    "acdit": ACDiT,
    "mar": MAR,
    "fluid": Fluid,
    "vq": VQTokens,
    "lavit": LaVIT,
    "janus": Janus,
    "puma": PUMA,
    "emu": Emu,
}
