"""What every run of a comparison may use: minutes, training FLOPs or samples; and what it has used of all three."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from motet.errors import ConfigError
from motet.recipes.recipe import Stage
from motet.train.log import read
from motet.train.objective import Objective
from motet.train.settings import Budget

Kind = Literal["minutes", "flops", "samples"]

FORMS = "5m (minutes), 1.5e15flops (training FLOPs) or 20000samples (documents)"
_UNITS: dict[str, Kind] = {"m": "minutes", "flops": "flops", "samples": "samples"}
_TRIED = 4
"""Batches that the mean cost of a step is taken over."""


@dataclass(frozen=True)
class Allowance:
    """The same amount of one thing for every run, codecs not included."""

    kind: Kind
    amount: float

    def __str__(self) -> str:
        return f"{self.amount:g} {'training FLOPs' if self.kind == 'flops' else self.kind}"


@dataclass(frozen=True)
class Spent:
    """What a run's model has used, codecs not included. samples: documents that it has seen, repeats counted."""

    minutes: float
    flops: float
    samples: float
    steps: float


def read_allowance(text: str) -> Allowance:
    """What ``--budget`` says: "5m", "1.5e15flops", "20000samples" (or "20ksamples").

    Raises ConfigError for anything else.
    """
    amount, unit = _number_and_unit(text)
    if amount is None or unit not in _UNITS:
        raise ConfigError(f"--budget is {text!r}; expected {FORMS}")
    return Allowance(_UNITS[unit], amount)


def read_budget(text: str) -> Budget:
    """What ``--codecs`` says: "5m" or "400steps". Raises ConfigError for anything else."""
    amount, unit = _number_and_unit(text)
    if amount is not None and unit == "m":
        return Budget(minutes=amount)
    if amount is not None and unit == "steps" and amount == int(amount):
        return Budget(steps=int(amount))
    raise ConfigError(f"--codecs is {text!r}; expected minutes for each stage, as in 5m, or steps, as in 400steps")


def _number_and_unit(text: str) -> tuple[float | None, str]:
    found = re.fullmatch(r"(\d+(?:\.\d+)?(?:e[+]?\d+)?)(k?)\s*([a-z]+)", text.strip().lower())
    if found is None or not 0 < float(found[1]) < math.inf or (found[2] and found[3] != "samples"):
        return None, ""
    return float(found[1]) * (1000 if found[2] else 1), found[3]


@dataclass(frozen=True)
class Cost:
    """What a step of a stage takes, on average."""

    flops: float
    samples: float


def step_cost(objective: Objective) -> Cost:
    """The mean cost of the first steps."""
    cursor, tokens = 0, 0
    for _ in range(_TRIED):
        batch, cursor = objective.batch(cursor)
        tokens += _tokens(batch)
    return Cost(tokens / _TRIED * objective.flops_per_token(), cursor / _TRIED)


def _tokens(batch: Any) -> int:
    packed = batch[0] if isinstance(batch, tuple) else batch
    return int(packed.n_tokens)


def run_budget(allowance: Allowance, stages: Sequence[Stage], costs: Sequence[Cost]) -> Budget:
    """The budget of a whole run, of which ``stages`` take their shares, so that they use the allowance together.

    stages: those that train the model. costs: of a step of each; minutes need none.
    """
    if allowance.kind == "minutes":
        return Budget(minutes=allowance.amount / sum(stage.share for stage in stages))
    each = [cost.flops if allowance.kind == "flops" else cost.samples for cost in costs]
    per_step = sum(stage.share * cost for stage, cost in zip(stages, each, strict=True))
    return Budget(steps=max(1, round(allowance.amount / per_step)))


def spent(run: Path, stages: Sequence[str]) -> Spent:
    """What these stages of a run have used, by its log and its finished stages."""
    events = [event for event in read(run) if event["stage"] in stages]
    per_token = {event["stage"]: event["flops_per_token"] for event in events if event["event"] == "start"}
    train = [event for event in events if event["event"] == "train"]
    finish = [event for event in events if event["event"] == "finish"]
    cursors = [json.loads((run / "finished" / stage / "state.json").read_text())["cursor"] for stage in stages]
    return Spent(
        minutes=sum(event["elapsed"] for event in finish) / 60,
        flops=sum(event["tokens"] * per_token[event["stage"]] for event in train),
        samples=float(sum(cursors)),
        steps=float(len(train)),
    )
