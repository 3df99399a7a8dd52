"""What `motet compare` is asked: arms and settings as they are typed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from motet.commands.options import recipe_of
from motet.errors import ConfigError
from motet.evaluate.compare import Arm, Compared, Comparison, Measuring, compare
from motet.evaluate.compare.budget import read_allowance, read_budget
from motet.train.settings import Budget

CODEC_MINUTES = 3.0
"""For each stage that trains a codec, where the budget is not in minutes; where it is, half of it."""


@dataclass(frozen=True)
class Asked:
    """The options of the command, as typed. parameters: "3e6" or none."""

    recipes: Sequence[str]
    data: str
    budget: str
    seeds: int
    size: str
    changes: Sequence[str]
    codecs: str | None
    parameters: float | None
    judged: int


def run_compare(asked: Asked, out: Path, *, retry: bool, console: Console) -> Compared:
    """The comparison that was asked for. Raises ConfigError for what cannot be meant, and what ``compare`` raises."""
    return compare(comparison_of(asked), out, console=console, retry=retry)


def comparison_of(asked: Asked) -> Comparison:
    """The comparison that options describe.

    Raises ConfigError for an unknown recipe, size or setting, and for a budget that is none.
    """
    allowance = read_allowance(asked.budget)
    if asked.codecs is not None:
        codecs = read_budget(asked.codecs)
    else:
        codecs = Budget(minutes=allowance.amount / 2 if allowance.kind == "minutes" else CODEC_MINUTES)
    if asked.seeds < 1:
        raise ConfigError(f"--seeds is {asked.seeds}; give at least 1, and at least 2 for intervals")
    if asked.parameters is not None and not 1 <= asked.parameters < math.inf:
        raise ConfigError(f"--parameters is {asked.parameters}; expected a number such as 3e6")
    return Comparison(
        arms=tuple(arms_of(asked.recipes, asked.size, asked.changes)),
        data=asked.data,
        allowance=allowance,
        codecs=codecs,
        seeds=tuple(range(asked.seeds)),
        measuring=Measuring(pictures=asked.judged, prompts=max(1, asked.judged // 8)),
        parameters=None if asked.parameters is None else round(asked.parameters),
    )


def arms_of(recipes: Sequence[str], size: str, changes: Sequence[str]) -> list[Arm]:
    """Arms of ``latentlm`` or ``plain=latentlm``; a change that begins with an arm's name is for it, any other for all.

    Raises ConfigError as ``recipe_of`` does.
    """
    named = [(label, name or label) for label, _, name in (word.partition("=") for word in recipes)]
    labels = {label for label, _ in named}
    for_all = [change for change in changes if change.partition(".")[0] not in labels]
    arms = []
    for label, name in named:
        if not label.replace("-", "").replace("_", "").isalnum():
            raise ConfigError(f"an arm is called {label!r}; expected RECIPE or NAME=RECIPE, with letters and digits")
        own = [change.removeprefix(f"{label}.") for change in changes if change.startswith(f"{label}.")]
        arms.append(Arm(label, name, recipe_of(name, size, own, shared=for_all)))
    return arms
