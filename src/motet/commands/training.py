"""What `motet train` says and checks around a run."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from rich.console import Console
from rich.markup import escape

from motet import __version__
from motet.commands.terminal import Watch
from motet.config import to_dict
from motet.data.corpus import Corpus
from motet.data.orders import before_last
from motet.data.quarantine import summary
from motet.data.source import open_source
from motet.errors import ConfigError, DataError
from motet.model import TEXT
from motet.pipeline import IMAGE
from motet.recipes.recipe import Recipe
from motet.recipes.run import RunConfig, is_begun, is_finished, read_config, train_run
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


def run_folder(recipe: str, data: str) -> Path:
    """Where a run goes that is not told where: ``runs/latentlm-emoji``, ``runs/latentlm-photos``."""
    kind, _, rest = data.partition(":")
    named = Path(rest).expanduser().resolve().name if kind in ("folder", "jsonl") else data
    return Path("runs") / re.sub(r"[^\w]+", "-", f"{recipe}-{named}").strip("-")


def budget_of(minutes: float | None, steps: int | None) -> Budget:
    """The budget that was asked for; ten minutes if none was."""
    if minutes is not None and steps is not None:
        raise ConfigError(f"--minutes {minutes:g} and --steps {steps} were given; give one of them")
    return Budget(minutes=MINUTES) if minutes is None and steps is None else Budget(steps, minutes)


def train(order: Order, console: Console) -> bool:
    """Trains, or goes on training; False if it was interrupted, wherever it was. A finished run is left as it is.

    Raises what ``train_run`` raises; DataError for data that cannot be trained on; and before the data is read
    ConfigError if the folder holds something else, or cannot be written to.
    """
    if is_finished(order.run, order.config()):
        trained = read_config(order.run)
        after = _length(Budget(trained.steps, trained.minutes))
        words = f"is finished already, after {after}; for more training use another --out"
        console.print(f"[bold]{escape(str(order.run))}[/] {words}", soft_wrap=True)
        return True
    _check_place(order.run)
    _say_begin(order, console)
    try:
        corpus = _carried_out(order, console)
    except KeyboardInterrupt:  # outside of the loop, which saves on it: while pictures are decoded or encoded, say
        corpus = None
    if corpus is None:
        _say_stopped(order.run, console)
        return False
    _say_next(order, corpus, console)
    return True


def _carried_out(order: Order, console: Console) -> Corpus | None:
    """What the run, which is finished now, has learned from; None if it was interrupted, and saved."""
    with Watch("reading the data") as watch:
        side = order.recipe.image_size
        corpus = Corpus.of(open_source(order.data), (side, side), progress=watch)
        _check_split(corpus)
        console.print(escape(_counts(corpus)), soft_wrap=True)
        for remark in _remarks(corpus):
            console.print(f"[yellow]note[/]  {escape(remark)}", soft_wrap=True)
        finished = train_run(order.config(), corpus, order.run, console=console)
    return corpus if finished else None


def _check_place(run: Path) -> None:
    """Looks whether files can be made there, without making the folder."""
    there = next(folder for folder in (run.absolute(), *run.absolute().parents) if os.path.exists(folder))
    try:
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ConfigError(
            f"--out {run} cannot be written to ({there}: {error.strerror}); give another folder"
        ) from error


def _say_begin(order: Order, console: Console) -> None:
    run = order.run
    if is_begun(run):
        words = "has been begun: going on with it"
    else:
        words = f"is a new run of {order.name}, {_length(order.budget)}; ctrl-C saves, and the same command goes on"
    console.print(f"[bold]{escape(str(run))}[/] {words}", soft_wrap=True)


def _say_stopped(run: Path, console: Console) -> None:
    if (run / "config.json").is_file():
        words = f"Stopped; what was saved is in {escape(str(run))}. [bold]The same command goes on.[/]"
    else:
        words = "Stopped; nothing has been saved yet. [bold]The same command begins again.[/]"
    console.print(words, soft_wrap=True)


def _length(budget: Budget) -> str:
    return f"{budget.minutes:g} minutes" if budget.minutes is not None else f"{budget.steps} steps"


def _counts(corpus: Corpus) -> str:
    """'emoji: 3,750 documents to learn from, 200 held out; 2 items skipped: 2 duplicate'."""
    kept = f"{len(corpus.train.documents):,} documents to learn from, {len(corpus.held_out.documents):,} held out"
    left_out = f"; {summary(corpus.skipped)}" if corpus.skipped else ""
    return f"{corpus.name}: {kept}{left_out}"


def _remarks(corpus: Corpus) -> list[str]:
    """What the source remarked, and what will be missing in the run."""
    unseen = "no held-out document has a picture: no picture is judged or shown while the codec trains"
    return [*corpus.notes, *([] if corpus.held_out.has_pictures else [unseen])]


def _check_split(corpus: Corpus) -> None:
    for split, words in ((corpus.train, "to learn from"), (corpus.held_out, "held out to be judged on")):
        if not split.documents:
            raise DataError(
                f"{corpus.name} has no document {words}; give at least two documents without splits, or both a split "
                "'train' and a split 'test' (documents that share a picture or a group are not parted). "
                "`motet data check` shows what is there"
            )
    if not corpus.train.has_pictures:
        raise DataError(f"{corpus.name} has no picture to learn from; give documents with texts and pictures")


def _say_next(order: Order, corpus: Corpus, console: Console) -> None:
    folder, taught = escape(str(order.run)), corpus.train.taught()
    console.print(f"[green]Finished.[/] The run is in [bold]{folder}[/]. Next:", soft_wrap=True)
    drawing = [] if order.recipe.handless(taught) else [(f"motet sample {folder} {_asking(corpus)} -o out.png", "draw")]
    muted = order.recipe.mute(taught)
    describing = [] if muted else [(f"motet describe {folder} PICTURE.png", "describe a picture")]
    for command, what in (
        *drawing,
        *describing,
        (f"motet eval {folder}", "measure"),
    ):
        console.print(f"  {command}  [dim]{what}[/]", soft_wrap=True)
    if corpus.credit:
        console.print(f"[dim]{escape(corpus.credit)}[/]", soft_wrap=True)


def _asking(corpus: Corpus) -> str:
    """What `motet sample` is given for a picture as those of the data: its prompt, and for an edit a picture."""
    documents = (*corpus.held_out.documents, *corpus.train.documents)
    before = next(filter(None, (before_last(document.parts, IMAGE) for document in documents)), [])
    texts = [part.value for part in before if isinstance(part.value, str) and part.modality == TEXT]
    prompt = (texts[-1] if texts else "a red heart").replace('"', "'")[:60]
    pictured = any(part.modality == IMAGE for part in before)
    return f'"{escape(prompt)}"' + (" --picture PICTURE.png" if pictured else "")
