"""Equal parameters: what a model has, part by part, and one knob that makes it as large as another.

What joint training learns is matched: backbone, embeddings and heads together. A recipe whose head is the backbone
itself so gets a wider backbone than one with a large head. Codecs are counted apart.
"""

from dataclasses import asdict, dataclass
from functools import cache

from motet.codecs.text import TextCodec
from motet.config import describe, override
from motet.errors import ConfigError
from motet.model import Model
from motet.recipes.recipe import Recipe
from motet.recipes.weightless import weightless

KNOB = "backbone.ffn_dim"
STEP = 16
"""The knob turns in multiples of this."""
TOLERANCE = 0.05


@dataclass(frozen=True)
class Sizes:
    """Parameters of a model's parts; tied ones count once, where they come first."""

    backbone: int
    embedding: int
    head: int
    codec: int

    @property
    def learned(self) -> int:
        """What joint training learns."""
        return self.backbone + self.embedding + self.head

    def to_json(self) -> dict[str, int]:
        return {**asdict(self), "learned": self.learned}


def sizes(model: Model) -> Sizes:
    """The parameters of a model's parts."""
    parts = [model.modality(name) for name in model.modalities]
    seen: set[int] = set()
    found = {"backbone": 0, "embedding": 0, "head": 0, "codec": 0}
    for what, modules in (
        ("backbone", [model.backbone]),
        ("embedding", [part.embed for part in parts]),
        ("head", [part.head for part in parts]),
        ("codec", [part.codec for part in parts]),
    ):
        for module in modules:
            for parameter in module.parameters():
                found[what] += 0 if id(parameter) in seen else parameter.numel()
                seen.add(id(parameter))
    return Sizes(**found)


def sizes_of(recipe: Recipe, text: TextCodec) -> Sizes:
    """The same of a recipe, without weights."""
    return sizes(weightless(recipe, text))


def matched(recipe: Recipe, text: TextCodec, target: int, *, label: str = "this recipe") -> Recipe:
    """The recipe at ``target`` learned parameters, within 5 %: itself if it is, else with another ``KNOB``.

    Raises ConfigError if the knob cannot reach that.
    """
    own = sizes_of(recipe, text).learned
    if _near(own, target):
        return recipe
    if KNOB not in {setting.name for setting in describe(recipe)}:
        raise ConfigError(
            f"{label} learns {own:,} parameters where {target:,} are asked for, and has no {KNOB} to change; "
            f"give it a size within {TOLERANCE:.0%} with --set {label}.NAME=VALUE"
        )

    @cache
    def learned(multiple: int) -> int:
        return sizes_of(override(recipe, {KNOB: multiple * STEP}), text).learned

    low, high = 1, 2
    while learned(high) < target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if learned(middle) < target else (low, middle)
    best = min((low, high), key=lambda multiple: abs(learned(multiple) - target))
    if not _near(learned(best), target):
        raise ConfigError(
            f"{label} learns {own:,} parameters; with {KNOB}={best * STEP} it would learn {learned(best):,}, which is "
            f"as near to {target:,} as it comes; give another --parameters, or change {label} with --set"
        )
    return override(recipe, {KNOB: best * STEP})


def _near(parameters: int, target: int) -> bool:
    return abs(parameters / target - 1) <= TOLERANCE
