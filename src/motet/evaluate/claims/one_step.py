"""Samples drawn one step ahead from true history: free running without its own errors.

The program of a request is run as it is, but whatever it places of a modality is replaced by the truth, so each value
is drawn given the true values before it. Free-running minus one-step quality is what exposure to its own samples costs.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from jaxtyping import Float
from torch import Tensor

from motet.sequence import Append, Commit, Program, Verb


def on_true_history(program: Program, modality: str, truth: Float[Tensor, "n c"]) -> Generator[Verb, Any, Any]:
    """``program``, which generates the modality next-token by next-token, on the history ``truth``.

    It returns what it drew, none of which it has seen. The request's prompt must not hold that modality.
    """
    placed = 0
    verb = next(program)
    while True:
        if isinstance(verb, Commit | Append) and verb.span.modality == modality:
            n = len(verb.span)
            assert placed + n <= len(truth), "the program generates as many values as there are true ones"
            verb = replace(verb, span=replace(verb.span, values=truth[placed : placed + n]))
            placed += n
        sent = yield verb
        try:
            verb = program.send(sent)
        except StopIteration as end:
            return end.value
