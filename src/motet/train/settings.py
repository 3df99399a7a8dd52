"""How long to train and how: `Budget` and `TrainSettings`. No torch here, so that a command line can show them."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from motet.bounds import check_bounds
from motet.errors import ConfigError

Schedule = Literal["cosine", "wsd"]
OptimizerName = Literal["muon", "adamw"]
Precision = Literal["auto", "bf16", "fp32"]
Compile = Literal["auto", "yes", "no"]

# Settings that change when we look and save, never what is learnt: a resumed run may change them.
CADENCE = ("eval_at", "preview_at", "checkpoint_minutes", "checkpoint_steps")


@dataclass(frozen=True)
class Budget:
    """How long a stage may train: `steps`, or wall-clock `minutes`; exactly one.

    Minutes cover all that the stage does in its loop: compiling, evaluation, previews and checkpoints count. Only what
    falls due at the very end, the last evaluation and preview, comes on top. Minutes of a resumed run go on from its
    checkpoint. Steps are deterministic; minutes, by their nature, are not.

    Raises:
        ConfigError: none or both were given, or one that is not positive.
    """

    steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise ConfigError(
                f"a budget is steps or minutes, exactly one; got steps={self.steps}, minutes={self.minutes}"
            )
        if (self.steps if self.steps is not None else self.minutes or 0) <= 0:
            raise ConfigError(f"a budget is positive; got steps={self.steps}, minutes={self.minutes}")

    def progress(self, step: int, elapsed: float) -> float:
        """The share of the budget used, in [0, 1], after `step` steps and `elapsed` seconds."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.minutes is not None
        return min(1.0, elapsed / (self.minutes * 60))

    def seconds_left(self, step: int, elapsed: float, *, step_seconds: float) -> float:
        """Expected seconds to the end when a step takes `step_seconds`."""
        if self.steps is not None:
            return max(0, self.steps - step) * step_seconds
        assert self.minutes is not None
        return max(0.0, self.minutes * 60 - elapsed)


@dataclass(frozen=True)
class TrainSettings:
    """How to train. Fractions are of the budget.

    Raises:
        ConfigError: a value is out of its range, or has no effect with the others.
    """

    lr: float = field(default=1e-3, metadata={"help": "peak, of both optimisers"})
    warmup: int = field(default=50, metadata={"help": "steps, linear"})
    schedule: Schedule = "cosine"
    floor: float = field(default=0.1, metadata={"help": "the learning rate at the end, as a share of lr"})
    cooldown: float | None = field(
        default=None, metadata={"help": "wsd only: the fraction at the end that decays; None is 0.2"}
    )
    optimizer: OptimizerName = field(
        default="muon", metadata={"help": "muon: 2-D weights of blocks by Muon and the rest by AdamW"}
    )
    betas: tuple[float, float] = field(default=(0.9, 0.95), metadata={"help": "of AdamW"})
    weight_decay: float = field(default=0.05, metadata={"help": "decoupled; not on vectors"})
    clip: float = field(default=1.0, metadata={"help": "the largest global norm of the gradient; 0: never clip"})
    ema: float = field(default=0.999, metadata={"help": "decay of the weights' moving average; 0: the weights"})
    precision: Precision = field(default="auto", metadata={"help": "auto: bf16 autocast where it multiplies faster"})
    compile: Compile = field(default="auto", metadata={"help": "auto: where a compiler is found and it pays"})
    seed: int = field(default=0, metadata={"help": "of everything random; a run sets it to its own"})
    eval_at: tuple[float, ...] = field(default=(0.1, 0.25, 0.5, 0.75, 1.0), metadata={"help": "fractions"})
    preview_at: tuple[float, ...] = field(default=(0.1, 0.25, 0.5, 0.75, 1.0), metadata={"help": "fractions"})
    checkpoint_minutes: float = field(default=2.0, metadata={"help": "wall-clock minutes between checkpoints"})
    checkpoint_steps: int | None = field(
        default=None, metadata={"help": "steps between checkpoints, instead of minutes"}
    )

    def __post_init__(self) -> None:
        for name, kind in (
            ("schedule", Schedule),
            ("optimizer", OptimizerName),
            ("precision", Precision),
            ("compile", Compile),
        ):
            if getattr(self, name) not in get_args(kind):
                raise ConfigError(f"{name}={getattr(self, name)!r} is none of {', '.join(get_args(kind))}")
        check_bounds(self, "lr", "warmup", "weight_decay", "clip", "checkpoint_minutes", low=0)
        check_bounds(self, "floor", low=0, high=1)
        check_bounds(self, "ema", low=0, high=0.999999999)
        check_bounds(self, "checkpoint_steps", low=1)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigError(f"betas is {self.betas}; expected two numbers from 0 to below 1")
        if self.cooldown is not None and self.schedule != "wsd":
            raise ConfigError(
                f"cooldown={self.cooldown} has no effect on the {self.schedule} schedule; set schedule=wsd"
            )
        if self.cooldown is not None and not 0 < self.cooldown <= 1:
            raise ConfigError(f"cooldown={self.cooldown} is a fraction of the budget; expected a number in (0, 1]")
        for name in ("eval_at", "preview_at"):
            if bad := [f for f in getattr(self, name) if not 0 < f <= 1]:
                raise ConfigError(f"{name} holds {bad}; it lists fractions of the budget, each in (0, 1]")

    def numerics(self) -> dict[str, Any]:
        """The settings that decide what is learnt, as JSON has them; a run resumes only under equal ones."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if name not in CADENCE
        }
