"""The demo: trains LatentLM on emoji, judges it, and shows on one page what it has learned.

motet demo        the first time, and again after ctrl-C: it goes on
"""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from motet import __version__
from motet.config import to_dict
from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.evaluate import sections
from motet.evaluate.evaluation import Evaluation, evaluate
from motet.evaluate.judged import to_uint8
from motet.evaluate.page import Commands, Gallery, Section, Tile, write_page
from motet.evaluate.report import curves, drift_figure, stage_seconds
from motet.evaluate.sections import Targets
from motet.evaluate.timed import Timed
from motet.pipeline import IMAGE, Pipeline
from motet.recipes.latentlm import LatentLM
from motet.recipes.run import RunConfig, is_begun, is_finished, load, read_config, train_run
from motet.whole import write_json

OUT = Path("runs/demo")
SIZE = "small"
MINUTES = 12.0
TARGETS = Targets(psnr=29.0, trained=0.5, held_out=0.4, trained_captions=0.95, held_out_captions=0.8)

PROMPTS = (
    "red heart", "pizza", "grinning face", "smiling face with sunglasses", "cat face", "dog face",
    "woman astronaut dark skin tone", "man cook light skin tone", "firefighter medium skin tone", "rocket",
    "rainbow", "hot beverage", "strawberry", "watermelon", "hamburger", "sunflower", "frog", "panda", "octopus",
    "tropical fish", "crescent moon", "guitar", "soccer ball", "automobile", "Japan", "France", "Brazil",
    "thumbs up medium-dark skin tone", "key", "four o’clock",
)  # fmt: skip
"""A mix of what the data holds: faces, people, animals, food, things, flags."""


def demo_config(minutes: float) -> RunConfig:
    """The run that the demo trains."""
    settings = to_dict(LatentLM.sizes[SIZE])
    return RunConfig("latentlm", settings, "emoji", minutes=minutes, steps=None, seed=0, version=__version__)


def demo(
    *,
    out: Path = OUT,
    minutes: float = MINUTES,
    console: Console | None = None,
    config: RunConfig | None = None,
    judged: int = 200,
    prompts: Sequence[str] = PROMPTS,
) -> bool:
    """Trains for ``minutes``, judges ``judged`` trained names and all held-out ones, and writes OUT/index.html.

    Goes on with what ``out`` holds; a finished run is only shown again. config: another run to train.
    Returns False if it was interrupted; then everything is saved.

    Raises MissingExtra without the extra ``demo``, CheckpointError if ``out`` holds a run of other settings,
    ConfigError if it holds anything else, and TrainingError if training fails.
    """
    console = console or Console()
    config = config or demo_config(minutes)
    is_begun(out)
    recipe = config.build()
    corpus = Corpus.of(open_source(config.data), (recipe.image_size, recipe.image_size))
    began = time.perf_counter()
    try:
        if is_finished(out, config):
            _say(console, f"{out} is trained already: writing its page again. To train anew, delete that folder.")
        else:
            _introduce(console, out, config, corpus)
            if not train_run(config, corpus, out, console=console):
                return _interrupted(console, out, minutes)
        _say(console, "Trained. Now it draws and describes.")
        page = show(out, corpus, judged=judged, prompts=prompts, console=console)
    except KeyboardInterrupt:
        return _interrupted(console, out, minutes)
    _say(console, f"\nDone in {(time.perf_counter() - began) / 60:.1f} minutes. Open {page.resolve().as_uri()}\n")
    for command, purpose in next_steps(out):
        _say(console, f"  {purpose}:\n    {command}")
    return True


def show(out: Path, corpus: Corpus, *, judged: int, prompts: Sequence[str], console: Console) -> Path:
    """Judges a trained run, writes OUT/eval.json and OUT/index.html, and returns the page's path."""
    pipeline, timed = load(out), Timed(console)
    with timed.task("drawing prompts", len(prompts)) as tick:
        made = [one[0] for one in pipeline.generate_many(prompts, want=IMAGE, progress=tick)] if prompts else []
    found = evaluate(pipeline, corpus, n=judged, features=False, timed=timed)
    write_json(out / "eval.json", found.to_json())
    tiles = [Tile(picture, prompt) for picture, prompt in zip(to_uint8(made) if made else [], prompts, strict=True)]
    note = "One try for each prompt, seed by seed; nothing was picked out."
    drawn = [Gallery("From words to pictures", tiles, note)] if tiles else []
    return write_page(
        out / "index.html",
        [*drawn, *_sections(out, found, pipeline)],
        title="Motet",
        subtitle=_subtitle(out, found),
        credit=corpus.credit,
    )


def next_steps(out: Path) -> list[tuple[str, str]]:
    """What to try after the demo: (command, purpose)."""
    return [
        (f'motet sample {out} "red heart" -n 8 -o out.png', "Draw eight pictures of a prompt of your own"),
        (f"motet describe {out} picture.png", "Let it name a picture"),
        ("motet train latentlm --data folder:my_pictures --out runs/mine", "Train on your own pictures"),
        (f"motet eval {out}", "Measure everything, by features too"),
        ("motet show latentlm", "See every knob, the parts and the attention mask"),
    ]


def _sections(out: Path, found: Evaluation, pipeline: Pipeline) -> list[Section]:
    recipe = read_config(out).build()
    parts: list[Section] = [sections.key_numbers(found, TARGETS)]
    if "held_out" in found.groups:
        parts += [sections.drawings(found, "held_out"), *sections.captions(found, "held_out")]
    if "trained" in found.groups:
        parts.append(sections.drawings(found, "trained"))
    if found.reconstruction is not None:
        parts.append(sections.reconstructions(found.reconstruction))
    parts += [*curves(out), *drift_figure(found)]
    parts += [sections.all_numbers(found), sections.timings(stage_seconds(out), found)]
    parts.append(Commands("What to try next", next_steps(out)))
    return [*parts, *sections.settings(recipe, pipeline.model), *sections.left_out(found)]


def _subtitle(out: Path, found: Evaluation) -> str:
    minutes = sum(stage_seconds(out).values()) / 60
    n = len(found.corpus.train.documents)
    return (
        f"One small transformer that draws from words and puts pictures into words. It learned both at once, from "
        f"nothing, in {minutes:.0f} minutes on this machine, from {n:,} pictures and their names."
    )


def _introduce(console: Console, out: Path, config: RunConfig, corpus: Corpus) -> None:
    n, held_out = len(corpus.train.documents), len(corpus.held_out.documents)
    budget = config.budget()
    _say(
        console, f"Training {config.recipe} on {n:,} documents of {corpus.name} for {budget}; {held_out} are held out."
    )
    _say(console, f"First the picture codec, then the model. Previews appear in {out / 'previews'}; ctrl-C saves.\n")


def _interrupted(console: Console, out: Path, minutes: float) -> bool:
    given = (f" --minutes {minutes:g}" if minutes != MINUTES else "") + (f" --out {out}" if out != OUT else "")
    made = f" ARGS='{given.strip()}'" if given else ""
    again = f"`make demo{made}` or `motet demo{given}`"
    _say(console, f"\nStopped; what it has learned is saved in {out}. To go on: {again} again.")
    return False


def _say(console: Console, words: str) -> None:
    console.print(escape(words), highlight=False, soft_wrap=True)
