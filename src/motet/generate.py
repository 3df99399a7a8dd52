"""The driver: runs many sampling programs at once, one forward a turn.

Each turn it first answers every ``Draw`` (one head call for each group with equal settings), then collects every
``Commit`` and ``Peek`` into one forward over a shared cache, and sends each program its rows back. Text tokens of one
request and latents of another share a forward; what a request gets does not depend on who shares it.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from motet.model import Model
from motet.nn.cache import Cache
from motet.request import Request, answer
from motet.sequence import NO_DOCUMENT, Commit, Draw, Forget, Packed, Peek, Program, Segment, Span, Tags, Verb
from motet.types import N_AXES

Progress = Callable[[int], None]
"""Told how many requests are finished, whenever that number changes."""


def generate(
    model: Model, requests: Sequence[Request], *, progress: Progress | None = None, batch: int = 64
) -> list[list[Segment]]:
    """Answers each request; at most ``batch`` of them share a forward."""
    results: list[list[Segment]] = []
    for start in range(0, len(requests), batch):
        some = requests[start : start + batch]
        done = len(results)
        told = None if progress is None else (lambda finished, done=done: progress(done + finished))
        made = run(model, [answer(model, r) for r in some], [r.branches for r in some], progress=told)
        results += [[replace(segment, values=segment.values.clone()) for segment in one] for one in made]
    return results  # copies, since what is made in inference mode could never be trained on


@dataclass
class _Live:
    """A program that is still running: its number, its rows in the cache, and the next block number of each row."""

    number: int
    program: Program
    rows: list[int]
    blocks: list[int]
    asks: Verb | None = None

    def placed_in(self) -> list[int]:
        """Which of its branches the pending commit or peek concerns."""
        if isinstance(self.asks, Commit) and self.asks.branches is not None:
            return list(self.asks.branches)
        return list(range(len(self.rows)))


@torch.inference_mode()
def run(
    model: Model, programs: Sequence[Program], branches: Sequence[int], *, progress: Progress | None = None
) -> list[Any]:
    """Runs programs with that many branches each to their ends; returns what each returned."""
    results: list[Any] = [None] * len(programs)
    live: list[_Live] = []
    row = 0
    for number, (program, width) in enumerate(zip(programs, branches, strict=True)):
        live.append(_Live(number, program, list(range(row, row + width)), [0] * width))
        row += width
    cache = Cache(row, device=model.device)
    for request in live:
        _send(request, None, results)
    while live := [request for request in live if request.asks is not None]:
        if progress is not None:
            progress(len(programs) - len(live))
        cache = _compact(cache, live)
        while any(isinstance(request.asks, Draw | Forget) for request in live):
            _forget(cache, live, results)
            _draw(model, live, results)
        placing = [request for request in live if request.asks is not None]
        if placing:
            _place(model, cache, placing, results)
    if progress is not None:
        progress(len(programs))
    return results


def _send(request: _Live, value: Any, results: list[Any]) -> None:
    try:
        request.asks = request.program.send(value)
    except StopIteration as end:
        request.asks = None
        results[request.number] = end.value


def _forget(cache: Cache, live: Sequence[_Live], results: list[Any]) -> None:
    for request in live:
        while isinstance(request.asks, Forget):
            for branch in request.asks.branches:
                cache.forget(request.rows[branch])
                request.blocks[branch] = 0
            _send(request, None, results)


def _draw(model: Model, live: Sequence[_Live], results: list[Any]) -> None:
    """Answers all pending draws, one head call for each modality, settings and number of branches."""
    groups: dict[Any, list[tuple[_Live, Draw]]] = defaultdict(list)
    for request in live:
        if isinstance(request.asks, Draw):
            ask = request.asks
            groups[ask.modality, ask.how, ask.hidden.shape[0]].append((request, ask))
    for (modality, how, _), members in groups.items():
        hidden = torch.cat([ask.hidden for _, ask in members], 1)
        noise = torch.cat([ask.noise for _, ask in members]).to(hidden.device)
        values = model.modality(modality).head.sample(hidden, noise, how).cpu()
        sizes = [ask.hidden.shape[1] for _, ask in members]
        for (request, _), value in zip(members, values.split(sizes), strict=True):
            _send(request, value, results)


def _place(model: Model, cache: Cache, placing: Sequence[_Live], results: list[Any]) -> None:
    """One forward for all pending commits and peeks."""
    placements: dict[int, tuple[Span, int]] = {}
    for request in placing:
        assert isinstance(request.asks, Commit | Peek)
        for branch in request.placed_in():
            placements[request.rows[branch]] = (request.asks.span, request.blocks[branch])
    batch = _step(placements, cache.rows, public=_public(placing, cache.rows)).to(model.device)
    states = model.hidden(batch, cache).states
    committed = [0] * cache.rows
    for request in placing:
        assert isinstance(request.asks, Commit | Peek)
        n, whole = len(request.asks.span), request.asks.span.whole
        if isinstance(request.asks, Commit):
            for branch in request.placed_in():
                committed[request.rows[branch]] = n
                request.blocks[branch] += 1 if whole else n
    cache.close(committed)
    for request in placing:
        assert isinstance(request.asks, Commit | Peek)
        rows = [request.rows[branch] for branch in request.placed_in()]
        _send(request, states[rows, : len(request.asks.span)], results)


def _public(placing: Sequence[_Live], rows: int) -> list[bool]:
    public = [False] * rows
    for request in placing:
        for row in request.rows:
            public[row] = isinstance(request.asks, Commit)
    return public


def _step(placements: dict[int, tuple[Span, int]], rows: int, *, public: list[bool]) -> Packed:
    """The new tokens of one turn as a batch: one row a branch, one document (0) a row, padded to the longest span."""
    length = max(len(span) for span, _ in placements.values())
    doc = np.full((rows, length), NO_DOCUMENT, dtype=np.int64)
    block = np.zeros((rows, length), dtype=np.int64)
    shown = np.zeros((rows, length), dtype=np.bool_)
    pos = np.zeros((rows, length, N_AXES), dtype=np.int64)
    time = np.full((rows, length), np.nan, dtype=np.float32)
    place: dict[str, list[Tensor]] = defaultdict(list)
    values: dict[str, list[Tensor]] = defaultdict(list)
    masked: dict[str, list[Tensor]] = defaultdict(list)
    for row, (span, first) in placements.items():
        n = len(span)
        doc[row, :n] = 0
        block[row, :n] = first if span.whole else np.arange(first, first + n)
        shown[row, :n] = public[row]
        pos[row, :n] = span.pos.numpy()
        if span.time is not None:
            time[row, :n] = span.time.numpy()
        place[span.modality].append(torch.arange(row * length, row * length + n))
        values[span.modality].append(span.values)
        masked[span.modality].append(torch.zeros(n, dtype=torch.bool) if span.masked is None else span.masked)
    return Packed(
        tags=Tags(torch.from_numpy(doc), torch.from_numpy(block), torch.from_numpy(shown)),
        pos=torch.from_numpy(pos),
        time=torch.from_numpy(time),
        place={name: torch.cat(parts) for name, parts in place.items()},
        values={name: torch.cat(parts) for name, parts in values.items()},
        masked={name: torch.cat(parts) for name, parts in masked.items()},
        target={},
        n_docs=rows,
        n_tokens=sum(len(span) for span, _ in placements.values()),
    )


def _compact(cache: Cache, live: Sequence[_Live]) -> Cache:
    """Drops the rows of finished requests once they are half of all."""
    used = [row for request in live for row in request.rows]
    if 2 * len(used) <= cache.rows:
        cache.keep(used)
        new = {row: i for i, row in enumerate(used)}
        for request in live:
            request.rows = [new[row] for row in request.rows]
    return cache
