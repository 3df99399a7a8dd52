"""The reader: names what was cut out of a picture, its shape and its colour, or nothing that has a name.

Trained in seconds on renders of scenes with seeds of their own, as they are and degraded. Blots are shown as well, so
that a shapeless thing is not called by the nearest name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from motet.codecs.pixels import from_bytes
from motet.data.scenes.compose import compose
from motet.data.scenes.draw import draw
from motet.data.scenes.scene import Scene
from motet.data.scenes.vocabulary import SIZES, Vocabulary
from motet.evaluate.judge.blots import blot
from motet.evaluate.judge.degrade import degraded
from motet.evaluate.judge.segment import CHANNELS, CROP, Found, find

NAMELESS = -1
"""The label of a blot; its logit is the last."""
LENGTHS = 12.0
"""Makes the logarithms of small, medium and large about -4, 0 and 4, which one layer tells apart at once."""


@dataclass(frozen=True)
class Lessons:
    """How the reader is trained and examined. Part of the name under which its weights are kept."""

    scenes: int = 1000
    """Renders of each side."""
    blots: int = 350
    sides: tuple[int, ...] = (32, 40, 48, 64)
    epochs: int = 8
    batch: int = 64
    lr: float = 3e-3
    width: int = 32
    seed: int = 0
    examined: int = 100
    """Renders of each side in each category on which the accuracy is measured that every report shows."""


class Reader(nn.Module):
    """Crops and the extents of what they hold -> logits of the vocabulary's names and one for blots, of its colours,
    and of sizes.
    """

    def __init__(self, vocabulary: Vocabulary, width: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(CHANNELS, width, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Flatten(),
        )
        self.mix = nn.Linear(2 * width * (CROP // 4) ** 2, 64)
        self.shape = nn.Linear(64, len(vocabulary.names) + 1)
        self.colour = nn.Linear(64, max(1, len(vocabulary.colours)))
        self.size = nn.Sequential(nn.Linear(len(vocabulary.names) + 2, 32), nn.GELU(), nn.Linear(32, len(SIZES)))

    def forward(
        self, crops: Float[Tensor, "m 4 16 16"], extent: Float[Tensor, " m"]
    ) -> tuple[Float[Tensor, "m s"], Float[Tensor, "m k"], Float[Tensor, "m 3"]]:
        hidden = F.gelu(self.mix(self.body(crops * 2 - 1)))
        shape = self.shape(hidden)
        # crops have one scale: a size is told by length, and by shape, since blur shortens a tip more than an edge
        length = (extent / SIZES["medium"]).clamp(min=0.1).log() * LENGTHS
        seen = torch.cat([shape.detach().softmax(dim=1), length[:, None]], dim=1)
        return shape, self.colour(hidden), self.size(seen)


@dataclass(frozen=True)
class Examples:
    """Crops and what they are: the numbers of the name (``NAMELESS`` for blots), of the colour and of the size."""

    crops: Float[Tensor, "m 4 16 16"]
    extent: Float[Tensor, " m"]
    shape: Int[Tensor, " m"]
    colour: Int[Tensor, " m"]
    size: Int[Tensor, " m"]


def train_reader(vocabulary: Vocabulary, lessons: Lessons) -> Reader:
    """The trained reader; equal lessons give equal weights on one machine."""
    rng = torch.Generator().manual_seed(lessons.seed)
    examples = gather(vocabulary, lessons, rng)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lessons.seed)
        reader = Reader(vocabulary, lessons.width)
    steps = lessons.epochs * (len(examples.shape) // lessons.batch)
    optimiser = torch.optim.AdamW(reader.parameters(), lr=lessons.lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lessons.lr, total_steps=steps)
    for at in _batches(len(examples.shape), lessons, rng):
        shape, colour, size = reader(examples.crops[at], examples.extent[at])
        named = examples.shape[at] != NAMELESS
        loss = F.cross_entropy(shape, examples.shape[at] % shape.shape[1])
        loss = loss + F.cross_entropy(colour[named], examples.colour[at][named])
        loss = loss + F.cross_entropy(size[named], examples.size[at][named])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return reader.eval()


def gather(vocabulary: Vocabulary, lessons: Lessons, rng: torch.Generator) -> Examples:
    """Examples cut out of renders, each as drawn and degraded."""
    parts: list[Examples] = []
    for side in lessons.sides:
        draws = Random(f"motet judge 0: {vocabulary.name} {side} {lessons.seed}")
        scenes = [compose(draws.randint(1, 4), vocabulary, draws)[0] for _ in range(lessons.scenes)]
        pictures = as_tensor([draw(scene, side) for scene in scenes])
        blots = as_tensor([blot(vocabulary, side, draws) for _ in range(lessons.blots)])
        for how in (lambda x: x, lambda x: degraded(x, rng)):
            parts.append(labelled(find(how(pictures)), scenes, vocabulary))
            parts.append(labelled(find(how(blots)), [Scene(())] * len(blots), vocabulary))
    return Examples(*(torch.cat([getattr(part, name) for part in parts]) for name in vars(parts[0])))


def labelled(found: Found, scenes: list[Scene], vocabulary: Vocabulary) -> Examples:
    """What was found, named after the thing that stands there; what stands nowhere is nameless.

    Where one find holds two things, it is the fault of the cutting, and the find is left out.
    """
    kept, names = [], []
    colours, sizes = vocabulary.colours or ("",), list(SIZES)
    for i, (which, x, y) in enumerate(zip(found.picture.tolist(), found.x.tolist(), found.y.tolist(), strict=True)):
        half = float(found.extent[i]) / 2
        things = scenes[which].things
        kinds = [thing.kind for thing in things if abs(thing.x - x) < half and abs(thing.y - y) < half]
        if things and len(kinds) != 1:
            continue
        kept.append(i)
        kind = kinds[0] if kinds else None
        names.append(
            (vocabulary.names.index(kind.shape), colours.index(kind.colour), sizes.index(kind.size))
            if kind
            else (NAMELESS, 0, 0)
        )
    shape, colour, size = torch.tensor(names, dtype=torch.long).view(-1, 3).unbind(1)
    return Examples(found.crops[kept], found.extent[kept], shape, colour, size)


def as_tensor(pictures: list[Image.Image]) -> Float[Tensor, "n 3 h w"]:
    """Pictures of one size, in -1 to 1."""
    array = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
    return from_bytes(torch.from_numpy(array).permute(0, 3, 1, 2))


def _batches(n: int, lessons: Lessons, rng: torch.Generator) -> Iterator[Tensor]:
    for _ in range(lessons.epochs):
        order = torch.randperm(n, generator=rng)
        for start in range(0, n - n % lessons.batch, lessons.batch):
            yield order[start : start + lessons.batch]
