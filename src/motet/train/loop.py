"""The training loop: read it from top to bottom.

A run killed at any step and started again goes on from its last checkpoint and, under a budget in steps, ends with the
same bits as one that was never stopped: a step depends on nothing but the saved state, its cursor and its number.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from motet.config import differences
from motet.errors import CheckpointError
from motet.train import checkpoint, hardware
from motet.train.averaged import averaged
from motet.train.checkpoint import State
from motet.train.ema import Ema
from motet.train.failure import failed_stage, failure, forget_failure
from motet.train.guard import Guard
from motet.train.interrupt import Interrupt
from motet.train.log import Log
from motet.train.memory import reuse_large_allocations
from motet.train.objective import Losses, Objective, mix
from motet.train.optim import Optimizers
from motet.train.progress import ProgressLine
from motet.train.schedule import learning_rate
from motet.train.settings import Budget, TrainSettings

__all__ = ["Budget", "Result", "TrainSettings", "train"]


@dataclass(frozen=True)
class Result:
    """Where a stage stands. The module holds the raw weights; `ema.adopt()` puts the averaged ones in."""

    stage: str
    step: int  # completed, since the stage began
    elapsed: float  # seconds in the stage, over all its starts
    finished: bool
    losses: dict[str, float]  # smoothed, by part; empty if the stage was finished before
    ema: Ema
    interrupted: bool = False  # a signal came; where the stage is not finished, `train` again goes on with it


def train(
    objective: Objective,
    budget: Budget,
    settings: TrainSettings,
    run: Path,
    stage: str,
    *,
    console: Console | None = None,
    finish: Callable[[], None] = lambda: None,
    saved: Callable[[Result], None] = lambda result: None,
) -> Result:
    """Train `objective` until `budget` is used up, going on from the checkpoint in `run` if there is one.

    A stage that is finished is only loaded, whatever the budget says now. On SIGINT or SIGTERM the step is finished and
    saved. Where it is a spike of the loss, this and the end of the budget wait until that is decided (see guard.py).
    `run` then holds `checkpoint/` or `finished/<stage>/` (see checkpoint.py), `log.jsonl` (see log.py) and
    `previews/<stage>-<step>.png`.

    finish: called once, at the end, with the averaged weights in place; what it changes in the module is saved with it.
    saved: called after each save.

    Raises:
        ConfigError: nothing to train, or a setting without effect.
        CapabilityError: the machine lacks a precision or a compiler that was demanded.
        CheckpointError: the run folder holds another model, other settings or another stage in progress.
        TrainingError: the loss or the gradient is not finite, or the loss has exploded; see guard.py. The last
            checkpoint stays; RUN/failed_batch.json says how to see the batch again. `train` with another `lr` goes on.
    """
    run.mkdir(parents=True, exist_ok=True)
    module, console = objective.module, console or Console()
    optimizers, ema = Optimizers(module, settings), Ema(module, settings.ema)
    state = _resume(run, State(stage, settings=settings.numerics()), optimizers, ema)
    if state.finished:
        return Result(stage, state.step, state.elapsed, True, {}, ema)

    memory = reuse_large_allocations()
    machine = hardware.choose(optimizers.parameters[0].device, budget, settings, begun=state.precision)
    state.precision = machine.precision
    if machine.compile:
        objective.compile()
    flops_per_token = objective.flops_per_token()
    guard = Guard(state.recent)
    progress = budget.progress(state.step, state.elapsed)
    saved_at = (state.step, time.monotonic())
    start = time.monotonic() - state.elapsed

    with (
        Log(run, stage, step=state.step) as log,
        ProgressLine(console, stage, budget) as line,
        Interrupt() as interrupt,
    ):
        sizes = optimizers.sizes()
        facts = {**machine.facts(), "parameters": sizes, "memory": memory, "tensorboard": log.tensorboard}
        facts |= {"flops_per_token": flops_per_token, "peak_lr": settings.lr}
        log.write("start", state.step, **facts)
        line.say(f"after step {state.step}: {sizes['all'] / 1e6:.1f}M parameters to train, {machine.words()}")

        def standing() -> Result:
            return Result(stage, state.step, state.elapsed, state.finished, dict(line.losses), ema)

        def save() -> None:
            checkpoint.save(run, _filled(state, guard, optimizers, ema))
            saved(standing())

        # What may be the beginning of an explosion is never saved: at most two more steps tell it from a hard batch.
        while (progress < 1 and not interrupt.asked) or guard.spikes:
            began = time.perf_counter()
            torch.manual_seed(mix(settings.seed, state.step))  # for modules that draw from torch's global generator
            try:
                batch, following = objective.batch(state.cursor)
                with machine.autocast():
                    losses = objective.losses(batch)
                torch.autograd.backward(losses.total)
            except Exception:
                if not interrupt.explains_failure():
                    raise
                break
            total, norm, parts = _numbers(losses, clip_grad_norm_(optimizers.parameters, settings.clip or math.inf))
            if wrong := guard.judge(total, norm, parts):
                raise failure(wrong, state, run, settings)
            lr = learning_rate(settings, state.step, progress)
            optimizers.step(lr, bf16=machine.bf16)
            ema.update(state.step)

            state.step += 1
            state.elapsed = time.monotonic() - start
            seconds = time.perf_counter() - began
            before, progress = progress, budget.progress(state.step, state.elapsed)
            log.write(
                "train",
                state.step,
                cursor=state.cursor,
                elapsed=state.elapsed,
                loss=total,
                losses=parts,
                grad_norm=norm,
                lr=lr,
                tokens=losses.tokens,
                tokens_per_s=losses.tokens / seconds,
                mfu=losses.tokens * flops_per_token / seconds / machine.peak_flops,
            )
            line.update(state.step, state.elapsed, tokens=losses.tokens, seconds=seconds, losses=parts)
            state.cursor = following

            if _crossed(settings.eval_at, before, progress):
                with averaged(ema, machine):
                    _evaluate(objective, state, log, line)
            if _crossed(settings.preview_at, before, progress):
                with averaged(ema, machine):
                    _preview(objective, state, run, log, line)
            if _due(settings, state.step, saved_at) and not guard.spikes and progress < 1:
                save()
                saved_at = (state.step, time.monotonic())

        state.finished = progress >= 1 and not guard.spikes
        if state.finished:
            with ema.swapped():
                finish()
            log.write("finish", state.step, elapsed=state.elapsed)
        if not guard.spikes:
            save()
        if state.finished:
            forget_failure(run)
    return replace(standing(), interrupted=interrupt.asked)


def _resume(run: Path, fresh: State, optimizers: Optimizers, ema: Ema) -> State:
    """The saved state, put into the module, the optimisers and the averages; or `fresh` if there is none."""
    state = checkpoint.load(run, fresh.stage)
    if state is None:
        return fresh
    theirs = TrainSettings().numerics() | state.settings  # of a setting that came since, what it is by default
    free = {"lr"} if failed_stage(run) == state.stage else set()
    odd = [words for name, words in differences(theirs, fresh.settings).items() if name not in free]
    if odd and not state.finished:
        raise CheckpointError(
            f"stage {state.stage!r} in {run} was begun with {', '.join(odd)}; "
            "give the same settings to go on, or use another run folder"
        )
    checkpoint.restore(ema.module, state.model)
    ema.load(state.ema)
    optimizers.load(state.optimizer)
    state.model, state.ema, state.optimizer = {}, {}, {}
    state.settings = fresh.settings
    return state


def _filled(state: State, guard: Guard, optimizers: Optimizers, ema: Ema) -> State:
    """`state` with everything to save in it; a finished stage needs no optimiser."""
    state.recent = guard.recent
    state.model = checkpoint.tensors_of(ema.module)
    state.ema = {**state.model, **ema.state()}
    state.optimizer = {} if state.finished else optimizers.state()
    return state


def _numbers(losses: Losses, norm: Tensor) -> tuple[float, float, dict[str, float]]:
    """Total, gradient norm and parts as floats, in one transfer from the device."""
    total, length, *parts = torch.stack(
        [x.detach().float() for x in (losses.total, norm, *losses.parts.values())]
    ).tolist()
    return total, length, dict(zip(losses.parts, parts, strict=True))


def _crossed(fractions: tuple[float, ...], before: float, now: float) -> bool:
    return any(before < fraction <= now for fraction in fractions)


def _due(settings: TrainSettings, step: int, saved_at: tuple[int, float]) -> bool:
    if settings.checkpoint_steps is not None:
        return step - saved_at[0] >= settings.checkpoint_steps
    return time.monotonic() - saved_at[1] >= settings.checkpoint_minutes * 60


def _evaluate(objective: Objective, state: State, log: Log, line: ProgressLine) -> None:
    metrics = objective.evaluate()
    if metrics:
        log.write("eval", state.step, elapsed=state.elapsed, metrics=metrics)
        line.say(f"step {state.step}  held out: " + "  ".join(f"{k} {v:.4g}" for k, v in metrics.items()))


def _preview(objective: Objective, state: State, run: Path, log: Log, line: ProgressLine) -> None:
    picture = run / "previews" / f"{state.stage}-{state.step}.png"
    picture.parent.mkdir(exist_ok=True)
    objective.preview(picture)
    if picture.exists():
        log.write("preview", state.step, elapsed=state.elapsed, path=str(picture.relative_to(run)))
        line.say(f"step {state.step}  samples: {picture}")
