"""The pipeline: raw prompts in, raw answers out.

import motet
model = motet.load("runs/demo")
model.generate("red heart", want="image")[0].save("heart.png")
model.generate([picture], want="text")
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from motet.config import override
from motet.data.document import encodes
from motet.data.loader import document_rng
from motet.data.picture import fit, read_picture, upright_rgb
from motet.data.problem import ItemError
from motet.errors import DataError
from motet.generate import Progress, generate
from motet.model import TEXT, Model
from motet.request import Request, Sampling
from motet.sequence import Segment, split_label
from motet.types import Raw

_log = logging.getLogger(__name__)

IMAGE = "image"

Prompt = str | Path | Image.Image | Sequence[str | Path | Image.Image]
"""A text, a picture (or the path of one), or any number of both in order."""


def opened(path: Path) -> Image.Image:
    """The picture in a file, upright and in RGB. Raises DataError that names the file and what is wrong with it."""
    try:
        return read_picture(path).image
    except ItemError as error:
        raise ItemError(error.reason, error.detail, id=str(path)) from error


class Pipeline:
    """A model with the sampling settings that suit it."""

    def __init__(self, model: Model, sampling: Sampling):
        self.model = model.eval()
        self.sampling = sampling

    def generate(
        self,
        prompt: Prompt,
        *,
        want: str | None = None,
        size: tuple[int, int] | tuple[()] = (),
        seed: int = 0,
        **sampling: Any,
    ) -> list[Raw]:
        """What the model continues ``prompt`` with: texts and pictures in order.

        want: "image" or "text" for exactly one of these; None lets the model write and draw until it ends.
        size: (height, width) of generated pictures in pixels; the trained size by default.
        sampling: fields of ``Sampling`` by name, such as ``guidance=3, steps=10, text_temperature=0.7``.

        Raises DataError for a prompt that cannot be read, ConfigError for an unknown setting or a negative seed,
        ShapeError for a size that the codec's patch does not divide, or that it cannot draw.
        """
        return self.generate_many([prompt], want=want, size=size, seeds=[seed], **sampling)[0]

    def generate_many(
        self,
        prompts: Sequence[Prompt],
        *,
        want: str | None = None,
        size: tuple[int, int] | tuple[()] = (),
        seeds: Sequence[int] | None = None,
        progress: Progress | None = None,
        **sampling: Any,
    ) -> list[list[Raw]]:
        """``generate`` for many prompts at once: each gets what it would get alone under its seed (0, 1, 2 ...).

        Warns of prompts that are longer than what the model was trained on.
        """
        how = override(self.sampling, sampling) if sampling else self.sampling
        chosen = list(range(len(prompts))) if seeds is None else list(seeds)
        if len(chosen) != len(prompts):
            raise DataError(f"{len(prompts)} prompts were given with {len(chosen)} seeds; give one seed for each")
        base = Request((), want, self._grid(size), 0, how)
        requests = [
            replace(base, prompt=tuple(self.encode(prompt)), seed=seed)
            for prompt, seed in zip(prompts, chosen, strict=True)
        ]
        self._warn_of_long(requests)
        return self._rendered(generate(self.model, requests, progress=progress), chosen)

    def encode(self, prompt: Prompt) -> list[Segment]:
        """The segments of a prompt; pictures are fitted to the size that the model was trained on."""
        items = [prompt] if isinstance(prompt, str | Path | Image.Image) else list(prompt)
        segments = []
        for item in items:
            if isinstance(item, str):
                if not encodes(item):
                    raise DataError(
                        f"the prompt {item!r} holds half a character, which UTF-8 cannot hold; write it anew"
                    )
                values, grid = self.model.text.encode(item)
                segments.append(Segment(TEXT, values, grid, learn=False))
                continue
            if not isinstance(item, Path | Image.Image):
                raise DataError(f"a prompt holds texts, pictures and paths of pictures; got a {type(item).__name__}")
            modality = self.model.modality(IMAGE)
            picture = opened(item) if isinstance(item, Path) else upright_rgb(item)
            values, grid = modality.codec.encode(fit(picture, (modality.size[0], modality.size[1])))
            segments.append(Segment(IMAGE, values, grid, learn=False))
        return segments

    def decode(self, segment: Segment) -> Raw:
        """The raw piece of a segment; always the same one, where a codec could draw many."""
        return self.model.modality(segment.modality).codec.decode(segment.values, segment.grid)

    def _warn_of_long(self, requests: Sequence[Request]) -> None:
        """Training leaves out documents that are longer than a row, so it teaches nothing of the places behind one."""
        room = self.model.row_length
        tokens = [_reach(self.model, request) for request in requests]
        if n_long := sum(n > room for n in tokens):
            _log.warning(
                "%d of %d prompts are longer than what was trained: the longest takes %s tokens (a picture that is "
                "wanted included), and a row of training has %s. What is made of them is a guess; shorten them, or "
                "train with a larger row_length",
                n_long,
                len(tokens),
                f"{max(tokens):,}",
                f"{room:,}",
            )

    def _rendered(self, answers: list[list[Segment]], seeds: list[int]) -> list[list[Raw]]:
        """Every answer's raw pieces; those of one modality and grid are made together, each by its answer's seed."""
        alike: dict[tuple[str, tuple[int, ...]], list[tuple[int, int]]] = defaultdict(list)
        for number, answer in enumerate(answers):
            for i, segment in enumerate(answer):
                alike[segment.modality, segment.grid].append((number, i))
        made: dict[tuple[int, int], Raw] = {}
        for (modality, grid), places in alike.items():
            values = [answers[number][i].values for number, i in places]
            rngs = [document_rng(seeds[number], i) for number, i in places]
            made |= zip(places, self.model.modality(modality).codec.render(values, grid, rngs), strict=True)
        return [[made[number, i] for i in range(len(answer))] for number, answer in enumerate(answers)]

    def _grid(self, size: tuple[int, int] | tuple[()]) -> tuple[int, ...]:
        if not size:
            return ()
        height, width = size
        return self.model.modality(IMAGE).codec.drawn_grid_of(height, width)


def _reach(model: Model, request: Request) -> int:
    """Tokens of a prompt and of what is sure to follow: the first one of an answer, and all of a wanted picture."""
    if request.want is None or request.want == TEXT:
        return 1 + sum(len(span) for span in model.prompt(request.prompt))
    # where labels are read, the texts before a wanted picture stand nowhere
    before = split_label(request.prompt, TEXT)[0] if model.reads_labels else request.prompt
    wanted = model.modality(request.want)
    picture = wanted.factorise.least(request.grid or wanted.grid, request.sampling.scales)
    return 1 + sum(len(span) for span in model.prompt(before)) + picture
