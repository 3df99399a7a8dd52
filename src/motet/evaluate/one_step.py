"""Samples drawn one step ahead from true history: free running without its own errors.

The program of a request is run as it is, but whatever it places of a modality is replaced by the truth, so each value
is drawn given the true values before it. Free-running minus one-step quality is what exposure to its own samples costs.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from motet.evaluate.timed import Tick
from motet.generate import run
from motet.model import Model
from motet.request import Request, answer, rows_of
from motet.sequence import Append, Commit, Peek, Program, Span, Verb

AT_ONCE = 128
"""Requests that share a forward, at most."""


def one_step_ahead(
    model: Model, requests: Sequence[Request], truth: Float[Tensor, "n t c"], tick: Tick = lambda done: None
) -> Float[Tensor, "n s c"]:
    """What each request for one modality draws on true history; guidance, temperature and noise are its own.

    truth: of each request, all that it could generate. The prompts must not hold the modality.
    """
    made: list[Tensor] = []
    for start in range(0, len(requests), AT_ONCE):
        some = range(start, min(start + AT_ONCE, len(requests)))
        programs = []
        for i in some:
            assert requests[i].want is not None, "the history of one modality is true"
            programs.append(on_true_history(answer(model, requests[i]), str(requests[i].want), truth[i]))
        found = run(model, programs, [rows_of(model, requests[i]) for i in some])
        made += [segments[0].values.clone() for segments in found]
        tick(len(made))
    return torch.stack(made)


def on_true_history(program: Program, modality: str, truth: Float[Tensor, "n c"]) -> Generator[Verb, Any, Any]:
    """``program``, which generates the modality, on the history ``truth``.

    Values one by one, clean blocks, and those that show among masked ones: all are replaced by the true value at their
    place; noised copies stay. It returns what it drew, none of which it has seen.
    """
    start: int | None = None
    verb = next(program)
    while True:
        if isinstance(verb, Commit | Append | Peek) and verb.span.modality == modality:
            start = int(verb.span.pos[:, 0].min()) if start is None else start
            verb = replace(verb, span=_true(verb.span, truth, start))
        sent = yield verb
        try:
            verb = program.send(sent)
        except StopIteration as end:
            return end.value


def _true(span: Span, truth: Float[Tensor, "n c"], start: int) -> Span:
    """The span with true values, where it shows values at all; ``start`` is the index of the first of them."""
    if span.time is not None:
        return span
    values = truth[span.pos[:, 0] - start]
    if span.masked is not None:
        values = torch.where(span.masked[:, None], span.values, values)
    return replace(span, values=values)
