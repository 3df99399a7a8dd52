"""Block by block, each denoised jointly by the whole backbone: Transfusion, DiT and ACDiT.

    Transfusion  arXiv 2408.11039   one block, the whole picture; text behind it sees the noised one
    DiT          arXiv 2212.09748   the same without text
    ACDiT        arXiv 2412.07720   any block size; each block has a noised and a clean copy

The noised copy n_i of a block is private and the clean copy c_i public, so the one attention rule is ACDiT's
skip-causal mask: n_i sees c_0 .. c_{i-1} and itself, c_i sees c_0 .. c_i. All copies share their positions. Every
noised copy draws a time of its own. A label is known to noised copies alone, so all labels, and none, share the clean
ones.
"""

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from motet.diffusion.draws import draw_noise
from motet.diffusion.guidance import Guidance
from motet.diffusion.path import PATHS, Point, point_of, target_of
from motet.diffusion.process import Process
from motet.diffusion.solver import SOLVERS, noises, tempered
from motet.errors import ConfigError, ShapeError
from motet.factorise.factorisation import Factorisation, Wish
from motet.heads.head import Head
from motet.sequence import Append, Draw, Peek, Predict, Program, Segment, Span, positions

BlockSize = int | tuple[int, ...] | None
"""Tokens of a block, or its extent along each axis of the grid; None: the whole segment is one block."""


@dataclass(frozen=True)
class Noising(Process):
    """How blocks are noised, and what is predicted of them."""

    draws: int = field(
        default=1, metadata={"help": "noised copies of each block in training, at times and under noises that differ"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draws < 1:
            raise ConfigError(f"draws is {self.draws}; training needs at least one noised copy of each block")


@lru_cache(maxsize=256)
def blocks_of(grid: tuple[int, ...], size: BlockSize) -> tuple[Int[Tensor, " n"], ...]:
    """The blocks of a grid: raster indices of each one's tokens; a raster of tiles, and raster inside a tile.

    Raises ShapeError if the tiles do not fill the grid.
    """
    tile = grid if size is None else tile_of(grid, size) if isinstance(size, int) else size
    if len(tile) != len(grid) or any(side < 1 or whole % side for whole, side in zip(grid, tile, strict=True)):
        raise ShapeError(
            f"a grid of {_by(grid)} tokens does not divide into blocks of {_by(tile)}; take "
            "another size of picture, or train with other blocks: their sides divide the grid's"
        )
    index = torch.arange(math.prod(grid)).view(
        *(n for whole, side in zip(grid, tile, strict=True) for n in (whole // side, side))
    )
    axes = range(len(grid))
    order = index.permute(*(2 * axis for axis in axes), *(2 * axis + 1 for axis in axes)).reshape(-1, math.prod(tile))
    return tuple(order)


def tile_of(grid: tuple[int, ...], size: int) -> tuple[int, ...]:
    """The tile of so many tokens: the nearest to a square, wide rather than high; of a video whole frames, or a tile
    of one frame. Where none fits, one that ``blocks_of`` refuses."""
    frame = math.prod(grid[-2:])
    if len(grid) < 2:
        return (size,)
    if size > frame:
        return (size // frame, *grid[1:]) if size % frame == 0 and len(grid) == 3 else (size,)
    fitting = [
        (rows, size // rows)
        for rows in range(1, size + 1)
        if size % rows == 0 and grid[-2] % rows == 0 and grid[-1] % (size // rows) == 0
    ]
    if not fitting:
        return (size,)
    return (1,) * (len(grid) - 2) + min(fitting, key=lambda tile: (max(tile) / min(tile), tile[0]))


def _by(sides: tuple[int, ...]) -> str:
    return " x ".join(map(str, sides))


class NextBlock(Factorisation):
    """p(x) = prod_i p(block_i | block_1 .. block_{i-1}), each factor a diffusion of all the block's tokens together.

    clean_copy: each noised block is private and followed by its clean copy. Without, later tokens of a training
    document see the noised block itself (of several draws the last one), as in Transfusion; generated ones see the
    clean block in any case.
    """

    def __init__(self, channels: int, noising: Noising, *, size: BlockSize = None, clean_copy: bool = False):
        self.channels = channels
        self.noising = noising
        self.path = PATHS[noising.path]()
        self.size = size
        self.clean_copy = clean_copy
        # the only block of a picture is its last one, where every schedule has come to its end
        self.reads = frozenset() if size is None else frozenset({"guidance_schedule"})

    def arrange(self, segment: Segment, start: int, rng: torch.Generator) -> list[Span]:
        pos = positions(len(segment), start, segment.grid)
        blocks = blocks_of(segment.grid, self.size)
        clean = [Span(segment.modality, segment.values[at], pos[at], whole=True) for at in blocks]
        if not segment.learn:
            return clean
        draws = self.noising.draws
        times = self.noising.draw_times(draws, len(blocks), rng)
        noise = draw_noise(draws, segment.values.shape, rng)
        times = times + (1 - segment.noise) * (1 - times)  # none below 1 - noise
        spans: list[Span] = []
        for span, at, each in zip(clean, blocks, times.T, strict=True):
            spans += [self._noised(span, some[at], t, segment.label) for some, t in zip(noise, each, strict=True)]
            spans.append(span if self.clean_copy else replace(spans.pop(), public=True))
        return spans

    def _noised(self, clean: Span, noise: Float[Tensor, "n c"], time: Float[Tensor, ""], label: Tensor | None) -> Span:
        """A noised copy that nothing behind it sees."""
        n, t = len(clean), time.expand(len(clean))
        value = target_of(self.path, self.noising.target, Point(clean.values, noise), t)
        return replace(
            clean,
            values=self.path.mix(clean.values, noise, t),
            time=t,
            public=False,
            label=label,
            predict=Predict(torch.arange(n), value, torch.ones(n), by="self"),
        )

    def generate(self, wish: Wish, head: Head, hidden: Float[Tensor, "branches 1 d"], rng: torch.Generator) -> Program:
        n = math.prod(wish.grid)
        pos = positions(n, wish.start, wish.grid)
        values = torch.empty(n, self.channels)
        done = 0
        for at in blocks_of(wish.grid, self.size):
            done += len(at)
            how = wish.how_at((done - 1) / max(1, n - 1))
            place = Span(wish.modality, torch.empty(len(at), self.channels), pos[at], whole=True)
            made = yield from self._denoise(replace(place, label=wish.label), head, how, rng)
            values[at] = wish.project(made)
            yield Append(replace(place, values=values[at]))
        return values

    def _denoise(self, place: Span, head: Head, how: Any, rng: torch.Generator) -> Program:
        """One block from pure noise to data; a peek for each look that the solver takes.

        What is drawn from a label needs no second branch under guidance: a copy without the label stands beside it.
        """
        n, noising = len(place), self.noising
        noise = torch.randn(noises(how.solver, how.steps), n, self.channels, generator=rng)
        start, fresh = tempered(noise, how.temperature)
        solving = SOLVERS[how.solver](start, noising.visits(how.steps), self.path, fresh)
        point: Point | None = None
        while True:
            try:
                x, time = next(solving) if point is None else solving.send(point)
            except StopIteration as end:
                return end.value
            t = torch.full((n,), time)
            noised = replace(place, values=x, time=t, public=False)
            now = replace(how, guidance=Guidance(how.guidance.scale_at(time)))
            guided = place.label is not None and now.guidance.active
            hidden = yield Peek(noised, (replace(noised, label=None),) if guided else ())
            prediction = yield Draw(place.modality, hidden, head.noise(n, now, rng), now)
            point = point_of(self.path, noising.target, prediction, x, t)
