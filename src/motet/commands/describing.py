"""What `motet describe` does: a caption for each picture, or an answer. One that is unreadable costs others nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from motet.commands.terminal import Watch
from motet.data.picture import fit
from motet.errors import CapabilityError, DataError
from motet.model import TEXT
from motet.pipeline import IMAGE, opened
from motet.recipes.run import load, read_config
from motet.recipes.same_data import taught_in
from motet.request import Sampling


@dataclass(frozen=True)
class Described:
    """A picture's caption, or its answer; or, if it cannot be read, what is wrong with it."""

    picture: Path
    caption: str = ""
    problem: str = ""


def describe(
    run: Path, pictures: Sequence[Path], *, question: str | None = None, sampling: Sampling, seed: int
) -> list[Described]:
    """Captions of those that can be read, all in one batch, each under ``seed``; in the order of ``pictures``.

    question: stands behind each picture, and what follows it is the answer.
    Raises CheckpointError if ``run`` is no run, CapabilityError if its recipe does not learn to describe.
    """
    if reason := read_config(run).build().mute(taught_in(run)):
        raise CapabilityError(
            f"{run} cannot describe pictures: {reason}. It draws them (`motet sample`); to describe, train a recipe "
            "that learns text behind pictures, as latentlm does, with text_first below 1"
        )
    model = load(run)
    model.sampling = sampling
    height, width = model.model.modality(IMAGE).size
    asked = [] if question is None else [question]
    readable: dict[int, Image.Image] = {}
    problems: dict[int, str] = {}
    for i, path in enumerate(pictures):
        try:
            readable[i] = fit(opened(path), (height, width))  # now, since a thousand photographs would fill the memory
        except DataError as error:
            problems[i] = str(error)
    with Watch("describing") as watch:
        answers = model.generate_many(
            [(picture, *asked) for picture in readable.values()],
            want=TEXT,
            seeds=[seed] * len(readable),
            progress=lambda done: watch(done, len(readable)),
        )
    captions = {i: " ".join(str(answer[0]).split()) for i, answer in zip(readable, answers, strict=True)}
    return [Described(path, captions.get(i, ""), problems.get(i, "")) for i, path in enumerate(pictures)]


def as_lines(described: Sequence[Described]) -> str:
    """A line for each picture, empty for one that cannot be read, so that line i is of picture i."""
    return "\n".join(one.caption for one in described)


def as_json(described: Sequence[Described]) -> str:
    """A list of picture and caption; a picture that cannot be read has none, and its problem."""
    rows = [
        {"picture": str(one.picture), "caption": None, "problem": one.problem}
        if one.problem
        else {"picture": str(one.picture), "caption": one.caption}
        for one in described
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def check_read(described: Sequence[Described]) -> None:
    """Raises DataError that names every picture that cannot be read."""
    problems = [one.problem for one in described if one.problem]
    if problems:
        raise DataError(f"{len(problems)} of {len(described)} pictures cannot be read: {'; '.join(problems)}")
