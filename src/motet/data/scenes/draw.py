"""A scene as a picture, antialiased: every thing is drawn four times as large and averaged."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from motet.data.scenes.scene import Ground, Scene, Thing
from motet.data.scenes.sprites import sprite
from motet.data.scenes.vocabulary import COLOURS, EMOJI

FINER = 4
"""Each side of a pixel is drawn with this many."""
AMPLITUDE = 9
"""How far a textured ground departs from its colour, in levels of 255."""

Point = tuple[float, float]


def draw(scene: Scene, side: int) -> Image.Image:
    """The scene in ``side`` x ``side`` pixels, RGB."""
    picture = _ground(scene.ground, side)
    for thing in scene.things:
        ink, mask, corner = _sprite(thing, side) if thing.kind.shape in EMOJI else _shape(thing, side)
        picture.paste(ink, corner, mask)
    return picture


class ScenePicture(Image.Image):
    """A scene's picture, drawn whenever its pixels are asked for and never kept, so that a million cost nothing."""

    def __init__(self, scene: Scene, side: int) -> None:
        super().__init__()
        self.scene = scene
        self._mode, self._size = "RGB", (side, side)
        self.readonly = 1  # whoever wants to draw on it gets pixels of its own first

    @property
    def im(self) -> Image.core.ImagingCore:
        return draw(self.scene, self.width).im if self._im is None else super().im

    @im.setter
    def im(self, im: Image.core.ImagingCore) -> None:
        self._im = im


def _box(thing: Thing, side: int) -> tuple[tuple[int, int], int]:
    """The top left corner in pixels of a square that holds the thing, and its side."""
    half = thing.extent / 2
    left, top = (int((at - half) * side) - 1 for at in (thing.x, thing.y))
    return (left, top), int(thing.extent * side) + 4


def _shape(thing: Thing, side: int) -> tuple[Image.Image, Image.Image, tuple[int, int]]:
    corner, width = _box(thing, side)
    mask = Image.new("L", (width * FINER, width * FINER))
    centre = tuple((at * side - edge) * FINER for at, edge in zip((thing.x, thing.y), corner, strict=True))
    _ink(ImageDraw.Draw(mask), thing.kind.shape, (centre[0], centre[1]), thing.extent * side * FINER / 2)
    return Image.new("RGB", (width, width), COLOURS[thing.kind.colour]), mask.reduce(FINER), corner


def _sprite(thing: Thing, side: int) -> tuple[Image.Image, Image.Image, tuple[int, int]]:
    """A Twemoji picture, its longer side as long as the thing."""
    picture = sprite(thing.kind.shape)
    scale = thing.extent * side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    # premultiplied, so that the colour of transparent pixels does not bleed into the edges
    small = picture.convert("RGBa").resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
    small = small.convert("RGBA")
    corner = (round(thing.x * side - size[0] / 2), round(thing.y * side - size[1] / 2))
    return small.convert("RGB"), small.getchannel("A"), corner


def _ink(pen: ImageDraw.ImageDraw, shape: str, centre: Point, radius: float) -> None:
    """A shape in white, the longer side of its bounding box ``2 * radius``, centred at ``centre``."""
    x, y = centre

    def disc(cx: float, cy: float, r: float, fill: int = 255) -> None:
        pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)

    if shape == "circle":
        disc(x, y, radius)
    elif shape == "ring":
        disc(x, y, radius)
        disc(x, y, 0.52 * radius, fill=0)
    elif shape == "moon":
        # the tips lie 0.58 to the right of the disc's centre: moved by 0.21, its box is centred
        disc(x + 0.21 * radius, y, radius)
        disc(x + 0.71 * radius, y, 0.82 * radius, fill=0)
    else:
        pen.polygon([(x + radius * u, y + radius * v) for u, v in _OUTLINES[shape]], fill=255)


def _star() -> list[Point]:
    points = [(r * sin(k * pi / 5), -r * cos(k * pi / 5)) for k, r in zip(range(10), [1.0, 0.42] * 5, strict=True)]
    return _fitted(points)


def _heart() -> list[Point]:
    turns = [2 * pi * k / 60 for k in range(60)]
    return _fitted([(16 * sin(t) ** 3, -(13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t))) for t in turns])


def _cross() -> list[Point]:
    w = 0.34
    quarter = [(w, -1.0), (w, -w), (1.0, -w)]
    return [_turned(point, k) for k in range(4) for point in quarter]


def _turned(point: tuple[float, float], quarters: int) -> Point:
    x, y = point
    for _ in range(quarters):
        x, y = -y, x
    return x, y


def _fitted(points: list[Point]) -> list[Point]:
    """Centred, the longer side of the bounding box from -1 to 1."""
    lows, highs = [min(axis) for axis in zip(*points, strict=True)], [max(axis) for axis in zip(*points, strict=True)]
    half = max(high - low for low, high in zip(lows, highs, strict=True)) / 2
    mid = [(low + high) / 2 for low, high in zip(lows, highs, strict=True)]
    return [((u - mid[0]) / half, (v - mid[1]) / half) for u, v in points]


_OUTLINES: dict[str, list[Point]] = {
    "square": [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
    "triangle": _fitted([(0.0, -1.0), (1.05, 0.9), (-1.05, 0.9)]),
    "star": _star(),
    "heart": _heart(),
    "cross": _cross(),
}


def _ground(ground: Ground, side: int) -> Image.Image:
    """Plain, or with a soft texture of its own seed, the same at every size."""
    if ground.texture == "plain":
        return Image.new("RGB", (side, side), ground.colour)
    rng = np.random.default_rng(ground.seed)
    across, down = (np.arange(side) + 0.5) / side, (np.arange(side)[:, None] + 0.5) / side
    angle, waves, phase = rng.uniform(0, pi), rng.uniform(3, 5), rng.uniform(0, 2 * pi)
    if ground.texture == "stripes":
        wave = np.sin(2 * pi * waves * (across * cos(angle) + down * sin(angle)) + phase)
    elif ground.texture == "checks":
        wave = np.sin(2 * pi * waves * across + phase) * np.sin(2 * pi * waves * down + phase)
    else:
        assert ground.texture == "clouds", ground.texture
        coarse = Image.fromarray(rng.uniform(-1.4, 1.4, (6, 6)).astype(np.float32))
        wave = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).clip(-1, 1)
    levels = np.array(ground.colour) + AMPLITUDE * (wave[..., None] - 1)
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))
