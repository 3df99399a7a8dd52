"""What `motet train` says and checks around a run."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from motet import __version__
from motet.commands.terminal import Watch
from motet.config import describe, to_dict
from motet.data.corpus import Corpus
from motet.data.quarantine import summary
from motet.data.source import open_source
from motet.errors import ConfigError, DataError, ShapeError
from motet.recipes.longest import longest
from motet.recipes.recipe import Recipe
from motet.recipes.run import RunConfig, train_run
from motet.train.settings import Budget

MINUTES = 10.0
"""The budget if none is given."""


@dataclass(frozen=True)
class Order:
    """What to train: a recipe by name and as resolved, on which data, into which folder, how long, from which seed."""

    name: str
    recipe: Recipe
    data: str
    run: Path
    budget: Budget
    seed: int

    def config(self) -> RunConfig:
        budget = self.budget
        return RunConfig(
            self.name, to_dict(self.recipe), self.data, budget.minutes, budget.steps, self.seed, __version__
        )


def budget_of(minutes: float | None, steps: int | None) -> Budget:
    """The budget that was asked for; ten minutes if none was."""
    if minutes is not None and steps is not None:
        raise ConfigError(f"--minutes {minutes:g} and --steps {steps} were given; give one of them")
    return Budget(minutes=MINUTES) if minutes is None and steps is None else Budget(steps, minutes)


def train(order: Order, console: Console) -> bool:
    """Trains, or goes on training; False if it was interrupted, and saved.

    Raises what ``train_run`` raises; DataError for data that cannot be trained on; ShapeError if a document is longer
    than a row; ConfigError if the folder holds something else.
    """
    _say_begin(order, console)
    with Watch("reading the data") as watch:
        side = order.recipe.image_size
        corpus = Corpus.of(open_source(order.data), (side, side), progress=watch)
        _check_split(corpus)
        console.print(escape(_counts(corpus)), soft_wrap=True)
        if not (order.run / "tokenizer.json").is_file():
            _check_rows(order.recipe, corpus)
        for split in (corpus.train, corpus.held_out):
            assert len(split.pixels) >= 0  # decoded now, while the bar is ours
        finished = train_run(order.config(), corpus, order.run, console=console)
    if finished:
        _say_next(order.run, corpus, console)
    else:
        console.print(
            f"Stopped and saved in {escape(str(order.run))}. [bold]The same command goes on.[/]", soft_wrap=True
        )
    return finished


def _say_begin(order: Order, console: Console) -> None:
    run = order.run
    if (run / "config.json").is_file():
        stages = [stage.name for stage in order.recipe.stages(order.seed)]
        if all((run / "finished" / name).is_dir() for name in stages):
            words = "is finished already; for more training use another --out"
        else:
            words = "has been begun: going on with it"
    elif run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise ConfigError(f"--out {run} holds something that is no run; give a folder that is empty or not there yet")
    else:
        budget = order.budget
        length = f"{budget.minutes:g} minutes" if budget.minutes is not None else f"{budget.steps} steps"
        words = f"is a new run of {order.name}, {length}; ctrl-C saves, and the same command goes on"
    console.print(f"[bold]{escape(str(run))}[/] {words}", soft_wrap=True)


def _counts(corpus: Corpus) -> str:
    """'emoji: 3,750 documents to learn from, 200 held out; 2 items skipped: 2 duplicate'."""
    kept = f"{len(corpus.train.documents):,} documents to learn from, {len(corpus.held_out.documents):,} held out"
    left_out = f"; {summary(corpus.skipped)}" if corpus.skipped else ""
    return f"{corpus.name}: {kept}{left_out}"


def _check_split(corpus: Corpus) -> None:
    for split, words in ((corpus.train, "to learn from"), (corpus.held_out, "held out to be judged on")):
        if not split.documents:
            raise DataError(
                f"{corpus.name} has no document {words}; give at least two documents without splits, or both a split "
                "'train' and a split 'test'. `motet data check` shows what is there"
            )


def _check_rows(recipe: Recipe, corpus: Corpus) -> None:
    """A recipe that packs rows calls their length ``row_length``."""
    room = {setting.name: setting.value for setting in describe(recipe)}.get("row_length")
    if room is None:
        return
    found = longest(recipe, corpus)
    if found.tokens > room:
        enough = -(-found.tokens // 32) * 32
        raise ShapeError(
            f"document {found.id!r} of {corpus.name} has {found.tokens} tokens, more than a row of {room}; "
            f"give longer rows with --set row_length={enough}, or shorten the document"
        )


def _say_next(run: Path, corpus: Corpus, console: Console) -> None:
    texts = corpus.held_out.texts or corpus.train.texts
    prompt = (texts[0] if texts else "a red heart").replace('"', "'")[:60]
    folder = escape(str(run))
    console.print(f"[green]Finished.[/] The run is in [bold]{folder}[/]. Next:", soft_wrap=True)
    for command, what in (
        (f'motet sample {folder} "{escape(prompt)}" -o out.png', "draw"),
        (f"motet describe {folder} PICTURE.png", "describe a picture"),
        (f"motet eval {folder}", "measure"),
    ):
        console.print(f"  {command}  [dim]{what}[/]", soft_wrap=True)
    if corpus.credit:
        console.print(f"[dim]{escape(corpus.credit)}[/]", soft_wrap=True)
