"""The contest: each side tries its settings, the best of each run in turn, and a table shows who is how fast."""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from contestant import Run, Setting
from motet_side import MOTET_SETTINGS, motet_sampling, motet_training
from package_side import package_sampling, package_settings, package_training
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sizes import matched
from task import Task

TARGETS = {"train": ("tokens/s", 2.0), "sample": ("pictures/s", 3.0)}


def timed(run: Run, number: int) -> float:
    start = time.perf_counter()
    return run(number) / (time.perf_counter() - start)


def fastest(
    make: Callable[[Setting], Run], settings: Sequence[Setting], *, warm: int, runs: int, console: Console, who: str
) -> Setting:
    """Tries every setting and prints its speed; one that fails is printed as failed."""
    speeds: dict[Setting, float] = {}
    for setting in settings:
        torch.compiler.reset()
        gc.collect()
        began = time.perf_counter()
        try:
            run = make(setting)
            for number in range(warm):
                run(number)
            ready = time.perf_counter() - began
            speeds[setting] = statistics.median(timed(run, warm + number) for number in range(runs))
            console.print(f"  {who:8} {setting!s:40} {speeds[setting]:10.2f}/s  (ready after {ready:.0f} s)")
        except Exception as error:  # a setting that does not run here: shown as such
            why = escape(f"{type(error).__name__}: {error}"[:200])
            console.print(f"  {who:8} {setting!s:40} [red]failed[/]: {why}")
    if not speeds:
        raise SystemExit(f"no setting of {who} runs here")
    return max(speeds, key=lambda setting: speeds[setting])


def by_turns(runs: dict[str, Run], *, warm: int, n_runs: int) -> dict[str, list[float]]:
    """Speeds of alternating runs; the contestants do the same documents at the same time."""
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(warm + n_runs):
        for name, run in runs.items():
            speed = timed(run, number)
            if number >= warm:
                speeds[name].append(speed)
    speeds["ratio"] = [ours / theirs for ours, theirs in zip(speeds["motet"], speeds["package"], strict=True)]
    return speeds


def show(what: str, equal: str, speeds: dict[str, list[float]], best: dict[str, Setting], console: Console) -> None:
    unit, target = TARGETS[what]
    table = Table(f"{what}, equal {equal}", "settings", "median", "slowest", "fastest")
    for name, values in speeds.items():
        figures = (f"{f(values):.2f}" for f in (statistics.median, min, max))
        table.add_row(f"{name}, {unit}" if name in best else name, str(best.get(name, "")), *figures)
    console.print(table)
    ratio = statistics.median(speeds["ratio"])
    console.print(
        f"{what}, equal {equal}: {ratio:.2f} times; target {target}: {'met' if ratio >= target else 'missed'}"
    )


def compare(task: Task, equal: str, what: str, args: argparse.Namespace, known: dict[str, Setting]) -> None:
    """Finds the best settings of both, unless Motet's are known from before, and lets them run in turn."""
    console = Console(width=120)
    ours, theirs = {"train": (motet_training, package_training), "sample": (motet_sampling, package_sampling)}[what]
    depth = matched(task, equal)
    allowed = [s for s in MOTET_SETTINGS if not (args.eager and s.compiled)]
    search = partial(fastest, warm=args.warm, runs=args.trials, console=console)
    console.print(f"{what}, equal {equal}: settings in {TARGETS[what][0]}")
    if what not in known:
        known[what] = search(partial(ours, task), allowed, who="motet")
    make_theirs = partial(theirs, task, depth)
    settings = package_settings(what, lambda some: search(make_theirs, some, who="package"))
    best = search(make_theirs, [s for s in settings if not (args.eager and s.compiled)], who="package")
    torch.compiler.reset()
    runs = {"motet": ours(task, known[what]), "package": make_theirs(best)}
    speeds = by_turns(runs, warm=args.warm, n_runs=args.runs)
    show(what, equal, speeds, {"motet": known[what], "package": best}, console)
