"""The driver: runs many sampling programs at once, one forward a turn.

Each turn it first answers every ``Draw`` (one head call for each group with equal settings), then collects every
``Commit`` and ``Peek`` into one forward over a shared cache, and sends each program its rows back. Text tokens of one
request and latents of another share a forward; what a request gets does not depend on who shares it.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from motet.model import Model
from motet.nn.cache import Cache
from motet.request import Request, answer, rows_of
from motet.sequence import Append, Commit, Draw, Forget, Peek, Program, Segment, Span, Verb
from motet.sequence.pack import Placing, lay

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
        made = run(model, [answer(model, r) for r in some], [rows_of(model, r) for r in some], progress=told)
        results += [[replace(segment, values=segment.values.clone()) for segment in one] for one in made]
    return results  # copies, since what is made in inference mode could never be trained on


@dataclass
class _Live:
    """A program that is still running.

    rows, blocks, waiting: of each branch, its row in the cache, its next block number, and what was appended to it.
    """

    number: int
    program: Program
    rows: list[int]
    blocks: list[int]
    waiting: list[tuple[Span, ...]]
    asks: Verb | None = None

    def concerned(self) -> list[int]:
        """The branches that the verb asks for."""
        if isinstance(self.asks, Commit | Append | Forget) and self.asks.branches is not None:
            return list(self.asks.branches)
        return list(range(len(self.rows)))

    def placed(self) -> tuple[Span, ...]:
        """The spans of a commit, public, or of a peek, private."""
        if isinstance(self.asks, Commit | Append):
            span = self.asks.span
            return (span if span.public else replace(span, public=True),)
        assert isinstance(self.asks, Peek)
        return tuple(replace(span, public=False) for span in (self.asks.span, *self.asks.beside))


@torch.inference_mode()
def run(
    model: Model, programs: Sequence[Program], branches: Sequence[int], *, progress: Progress | None = None
) -> list[Any]:
    """Runs programs with that many branches each to their ends; returns what each returned."""
    results: list[Any] = [None] * len(programs)
    live: list[_Live] = []
    row = 0
    for number, (program, width) in enumerate(zip(programs, branches, strict=True)):
        live.append(_Live(number, program, list(range(row, row + width)), [0] * width, [()] * width))
        row += width
    cache = Cache(row, device=model.device)
    for request in live:
        _send(request, None, results)
    while live := [request for request in live if request.asks is not None]:
        if progress is not None:
            progress(len(programs) - len(live))
        cache = _compact(cache, live)
        while any(isinstance(request.asks, Draw | Forget | Append) for request in live):
            _note(cache, live, results)
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


def _note(cache: Cache, live: Sequence[_Live], results: list[Any]) -> None:
    """Answers what needs no forward: forgetting, and appending to what waits for the next one."""
    for request in live:
        while isinstance(request.asks, Forget | Append):
            for branch in request.concerned():
                if isinstance(request.asks, Append):
                    request.waiting[branch] += request.placed()
                else:
                    cache.forget(request.rows[branch])
                    request.blocks[branch], request.waiting[branch] = 0, ()
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
    """One forward for all pending commits and peeks, each behind what was appended to its branch."""
    new: dict[int, Placing] = {}
    committed = [0] * cache.rows
    for request in placing:
        spans, keeps = request.placed(), isinstance(request.asks, Commit)
        for branch in request.concerned():
            row, waiting = request.rows[branch], request.waiting[branch]
            new[row] = Placing((*waiting, *spans), request.blocks[branch])
            kept = (*waiting, *spans) if keeps else waiting
            committed[row] = sum(len(span) for span in kept)
            request.blocks[branch] += sum(1 if span.whole else len(span) for span in kept)
    batch = lay(new, rows=cache.rows).to(model.device)
    states = model.hidden(batch, cache).states
    cache.close(committed)
    for request in placing:
        spans, n = request.placed(), len(request.placed()[0])
        heard = []
        for branch in request.concerned():
            start = sum(len(span) for span in request.waiting[branch])
            heard.append(states[request.rows[branch], start : start + len(spans) * n].unflatten(0, (len(spans), n)))
            request.waiting[branch] = ()
        _send(request, torch.cat(heard), results)


def _compact(cache: Cache, live: Sequence[_Live]) -> Cache:
    """Empties the rows of finished requests, and drops them once they are half of all."""
    used = [row for request in live for row in request.rows]
    for row in set(range(cache.rows)).difference(used):
        cache.forget(row)
    if 2 * len(used) <= cache.rows:
        cache.keep(used)
        new = {row: i for i, row in enumerate(used)}
        for request in live:
            request.rows = [new[row] for row in request.rows]
    return cache
