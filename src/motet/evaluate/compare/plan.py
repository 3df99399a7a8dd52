"""What is compared: arms, which are recipes with their settings, under seeds; and one run of that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motet.config import describe, override, to_dict
from motet.errors import ConfigError
from motet.evaluate.compare.budget import Allowance
from motet.recipes.recipe import Recipe
from motet.seed import checked_seed
from motet.train.settings import Budget

YARDSTICK = 2
"""To be raised when what is counted, or how it is judged, changes: runs under another one are not mixed in."""


@dataclass(frozen=True)
class Arm:
    """A recipe as it is compared. label: what tables and files call it."""

    label: str
    name: str
    recipe: Recipe


@dataclass(frozen=True)
class Measuring:
    """How much every run is judged by; the same prompts under the same seeds for all."""

    pictures: int = field(default=192, metadata={"help": "held-out texts drawn, pictures described, questions asked"})
    prompts: int = field(default=24, metadata={"help": "prompts of each category of the judge"})
    timed: tuple[int, ...] = field(default=(1, 16), metadata={"help": "sizes of the batches that are timed"})
    shown: int = field(default=12, metadata={"help": "held-out prompts that the page shows"})
    features: bool = field(
        default=True, metadata={"help": "the Frechet distance, which takes a second for 30 pictures"}
    )


@dataclass(frozen=True)
class Comparison:
    """Everything that decides the numbers. codecs: of each stage that trains a codec, once for all runs.

    parameters: what the backbone, embeddings and heads of every arm have together; None: as many as the first arm.
    """

    arms: tuple[Arm, ...]
    data: str
    allowance: Allowance
    codecs: Budget
    seeds: tuple[int, ...]
    measuring: Measuring = Measuring()
    parameters: int | None = None

    def __post_init__(self) -> None:
        labels = [arm.label for arm in self.arms]
        if not labels or len(set(labels)) != len(labels):
            raise ConfigError(f"arms are called {', '.join(labels) or 'nothing'}; give at least one, each its own name")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ConfigError(f"seeds are {self.seeds}; give at least one, each once")
        for seed in self.seeds:
            checked_seed(seed)
        sizes = {arm.label: arm.recipe.image_size for arm in self.arms}
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{label} {side}" for label, side in sizes.items())
            raise ConfigError(f"pictures differ in size: {told}; give all the same, as in --set image_size=48")

    @property
    def side(self) -> int:
        """Pixels along a side of every picture."""
        return self.arms[0].recipe.image_size


@dataclass(frozen=True)
class Job:
    """One run, as JSON can hold it, so that a process of its own can be given it.

    left_out: ids of documents that do not fit the rows of every arm, so that no run learns from them or is judged on
    them.
    """

    arm: str
    recipe: str
    settings: dict[str, Any]
    data: str
    seed: int
    allowance: Allowance
    codecs: Budget
    measuring: Measuring
    out: Path
    left_out: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        return f"{self.arm}-{self.seed}"

    @property
    def folder(self) -> Path:
        """What the run keeps, and goes on from if it was interrupted."""
        return self.out / "runs" / self.stem

    @property
    def begun(self) -> Path:
        """The setting that what the folder holds was begun under."""
        return self.folder / "setting.json"

    @property
    def record(self) -> Path:
        """The finished run."""
        return self.out / "runs" / f"{self.stem}.json"

    @property
    def failure(self) -> Path:
        """Why the run failed."""
        return self.out / "runs" / f"{self.stem}.failed.json"

    @property
    def tokenizer(self) -> Path:
        return self.out / "tokenizer.json"

    def setting(self) -> dict[str, Any]:
        """What decides the run's numbers, but for its arm and seed. Runs of other settings are not mixed in."""
        plain = to_dict(self)
        names = ("recipe", "settings", "data", "allowance", "codecs", "measuring")
        told = {name: plain[name] for name in (*names, *(["left_out"] if self.left_out else []))}
        return {**told, "yardstick": YARDSTICK}


def jobs(comparison: Comparison, out: Path, left_out: Sequence[str] = ()) -> list[Job]:
    """Every run; seed by seed, so that an early stop has compared all arms. left_out: as in ``Job``."""
    return [
        Job(
            arm.label,
            arm.name,
            to_dict(without_previews(arm.recipe)),
            comparison.data,
            seed,
            comparison.allowance,
            comparison.codecs,
            comparison.measuring,
            out,
            tuple(left_out),
        )
        for seed in comparison.seeds
        for arm in comparison.arms
    ]


def without_previews(recipe: Recipe) -> Recipe:
    """The recipe, drawing nothing while it trains: slow samplers would pay for it with their minutes."""
    names = [setting.name for setting in describe(recipe)]
    return override(recipe, {name: () for name in names if name.endswith(".preview_at")})
