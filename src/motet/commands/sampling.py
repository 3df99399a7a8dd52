"""What `motet sample` does: many prompts in one batch, into one picture or a folder of them."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.console import Console

from motet.commands.terminal import Watch
from motet.data.picture import fit
from motet.data.picture_file import check_place, save
from motet.data.strips import Layout, strips
from motet.errors import CapabilityError
from motet.pipeline import IMAGE, Prompt, opened
from motet.recipes.run import load, read_config
from motet.recipes.same_data import taught_in
from motet.request import Sampling


@dataclass(frozen=True)
class Wanted:
    """``n`` pictures of each prompt under ``seed``, ``seed + 1``, ...; size: (height, width) in pixels.

    picture: stands before each prompt, as one to be edited does.
    """

    prompts: list[str]
    n: int
    seed: int
    size: tuple[int, int] | tuple[()] = ()
    picture: Path | None = None


def sample(run: Path, wanted: Wanted, *, sampling: Sampling, out: Path, folder: bool, console: Console) -> None:
    """Draw the pictures and write them; ``folder``: a file each in ``out``, else all of them in the picture ``out``.

    Raises CheckpointError if ``run`` is no run, CapabilityError if its recipe does not learn to draw, ShapeError for a
    size that the codec cannot make, and before anything is drawn DataError if ``out`` cannot be written or the picture
    cannot be read.
    """
    check_place(out / "000.png" if folder else out)
    if reason := read_config(run).build().handless(taught_in(run)):
        raise CapabilityError(
            f"{run} cannot draw pictures: {reason}. It describes them (`motet describe`); to draw, train it with "
            "text_first above 0"
        )
    model = load(run)
    model.sampling = sampling
    height, width = model.model.modality(IMAGE).size
    if not folder:
        check_place(out, _size(wanted, (height, width)))
    before = [] if wanted.picture is None else [fit(opened(wanted.picture), (height, width))]
    prompts: list[Prompt] = [(*before, prompt) for prompt in wanted.prompts for _ in range(wanted.n)]
    seeds = [wanted.seed + i for _ in wanted.prompts for i in range(wanted.n)]
    began = time.perf_counter()
    with Watch("drawing") as watch:
        answers = model.generate_many(
            prompts, want="image", size=wanted.size, seeds=seeds, progress=lambda done: watch(done, len(prompts))
        )
    seconds = time.perf_counter() - began
    pictures = [answer[0] for answer in answers]
    assert all(isinstance(picture, Image.Image) for picture in pictures)
    rows = [
        (
            prompt,
            [picture for picture in pictures[i * wanted.n : (i + 1) * wanted.n] if isinstance(picture, Image.Image)],
        )
        for i, prompt in enumerate(wanted.prompts)
    ]
    _write(rows, before, wanted.seed, out, folder=folder)
    each = f"{seconds / len(pictures):.2f} s each" if len(pictures) > 1 else "with loading left out"
    words = f"{len(pictures)} pictures" if len(pictures) > 1 else "1 picture"
    console.print(f"{words} in {seconds:.1f} s ({each}): {out}", soft_wrap=True, markup=False)


def _size(wanted: Wanted, trained: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the one picture that shows all."""
    height, width = wanted.size or trained
    if len(wanted.prompts) == wanted.n == 1:
        return width, height
    largest = (width, height) if wanted.picture is None else (max(width, trained[1]), max(height, trained[0]))
    return Layout(len(wanted.prompts), wanted.n + (wanted.picture is not None), largest).size


def _write(
    rows: list[tuple[str, list[Image.Image]]], before: list[Image.Image], seed: int, out: Path, *, folder: bool
) -> None:
    """``before``: what each row begins with where many pictures go into one."""
    if folder:
        for number, (prompt, pictures) in enumerate(rows):
            name = re.sub(r"[^\w]+", "-", prompt).strip("-")[:48]
            for i, picture in enumerate(pictures):
                save(picture, out / f"{number:03}-{name}-{seed + i}.png")
    elif len(rows) == 1 and len(rows[0][1]) == 1:
        save(rows[0][1][0], out)
    else:
        strips([(prompt, [*before, *pictures]) for prompt, pictures in rows], out)
