"""Requests, and the sampling program that answers one."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from jaxtyping import Int
from torch import Tensor

from motet.bounds import check_bounds
from motet.diffusion.guidance import Guidance
from motet.diffusion.solver import SolverName
from motet.errors import ConfigError, DataError
from motet.factorise.factorisation import Wish
from motet.heads.head import Wishes
from motet.model import TEXT, Model
from motet.seed import checked_seed
from motet.sequence import Append, Commit, Draw, Forget, Program, Segment, Span, Verb, positions, split_label


@dataclass(frozen=True)
class Sampling:
    """How a request is answered: one dataclass for the command line and Python.

    Raises ConfigError for a number that means nothing to any model; what one model cannot do, it says itself.
    """

    guidance: float = field(
        default=3.0, metadata={"help": "how strongly pictures follow their prompt; 1 is no guidance"}
    )
    guidance_schedule: Literal["constant", "linear"] = field(
        default="constant", metadata={"help": "constant, or linear along the tokens of a picture"}
    )
    guidance_interval: tuple[float, float] = field(
        default=(0.0, 1.0), metadata={"help": "diffusion times within which guidance acts (0 noise, 1 data)"}
    )
    rounds: int = field(
        default=64, metadata={"help": "rounds for a picture that is drawn in random sets; at most one a token"}
    )
    scales: int = field(
        default=0, metadata={"help": "scales of a pyramid that are generated, coarsest first; 0: all of them"}
    )
    steps: int = field(default=10, metadata={"help": "solver steps for each latent"})
    solver: SolverName = field(default="dpmpp_2m", metadata={"help": "euler, heun, ddim, dpmpp_2m or ancestral"})
    temperature: float = field(
        default=1.0,
        metadata={
            "help": "scale of the noise that latents are drawn from, or that ancestral steps add; softness of codes"
        },
    )
    text_temperature: float = field(default=0.0, metadata={"help": "softness of text; 0 takes the likeliest token"})
    top_k: int = field(default=0, metadata={"help": "words and codes: keep the k likeliest; 0 keeps all"})
    top_p: float = field(
        default=1.0, metadata={"help": "words and codes: keep the likeliest of this total probability"}
    )
    max_tokens: int | None = field(
        default=None, metadata={"help": "most text tokens of an answer; none: as many as a row of training has"}
    )

    def __post_init__(self) -> None:
        check_bounds(self, "rounds", "steps", "max_tokens", low=1)
        check_bounds(self, "scales", "temperature", "text_temperature", "top_k", low=0)
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p is {self.top_p}; expected a probability above 0 and at most 1")
        Guidance(self.guidance, self.guidance_schedule, self.guidance_interval)  # an interval that is none is told here


WRITING = frozenset({"text_temperature", "top_k", "top_p", "max_tokens"})
"""The fields of ``Sampling`` that text is written by; all others are of what a head or a factorisation reads."""


def effective(model: Model, want: str | None) -> set[str]:
    """The fields of ``Sampling`` that change an answer of a modality, or, with None, of any.

    Raises DataError for an unknown modality.
    """
    found: set[str] = set()
    for name in model.modalities if want is None else [want]:
        modality = model.modality(name)
        found |= WRITING if name == TEXT else modality.head.reads | modality.factorise.reads
    return found


@dataclass(frozen=True)
class Request:
    """One thing to generate.

    prompt:   encoded segments that the answer continues.
    want:     modality of the answer; None: the model decides, and may alternate until it ends the document.
    grid:     token grid of what is generated; (): the modality's own.
    seed:     the request's own randomness, whoever shares its batch.
    Raises ConfigError for a seed that is negative or too large.
    """

    prompt: tuple[Segment, ...]
    want: str | None = None
    grid: tuple[int, ...] = ()
    seed: int = 0
    sampling: Sampling = Sampling()

    def __post_init__(self) -> None:
        checked_seed(self.seed)

    @property
    def branches(self) -> int:
        """1, or 2 where guidance needs an unconditional branch beside the conditional one (see ``rows_of``)."""
        return 2 if self.want != TEXT and self.sampling.guidance != 1.0 else 1


def rows_of(model: Model, request: Request) -> int:
    """Rows of the cache that an answer takes: one a branch. Labels need one branch, guided or not."""
    return 1 if model.reads_labels else request.branches


CONDITIONAL, UNCONDITIONAL = (0,), (1,)


@dataclass(frozen=True)
class _Cursor:
    """Where the document ends: those of its spans that are not placed yet, and the next index.

    label: ids of the texts at its end, from which a picture is drawn that comes next, if the model reads labels.
    """

    unplaced: tuple[Span, ...]
    index: int
    label: Int[Tensor, " m"]


def answer(model: Model, request: Request) -> Program:
    """The program of one request; returns the list of generated segments.

    Raises DataError if the wanted modality is unknown, or if no grid for it is known.
    """
    rng = torch.Generator().manual_seed(request.seed)
    if request.want is not None:
        model.modality(request.want)
    before, label = split_label(request.prompt, TEXT)
    labelled = model.reads_labels and request.want not in (None, TEXT)
    spans = model.prompt(before if labelled else request.prompt)
    cursor = _Cursor(tuple(spans), 1 + max(int(span.pos[:, 0].max()) for span in spans), label)
    made: list[Segment] = []
    wanted, left = request.want, request.sampling.max_tokens
    left = model.row_length if left is None else left
    while True:
        if wanted in (None, TEXT):
            text, opened, cursor = yield from _write(model, request, cursor, left, rng)
            left -= len(text) + 1  # an opening token counts too, or pictures could follow each other for ever
            if len(text) or wanted == TEXT:
                made.append(text)
            if opened is None:
                return made
        else:
            opened = wanted
        segment, index = yield from _render(model, request, opened, cursor, rng)
        made.append(segment)
        if wanted is not None:
            return made
        closing = torch.tensor([model.mark(opened)[1]])
        cursor = _Cursor((Span(TEXT, closing, positions(1, index)),), index + 1, label[:0])


def _write(
    model: Model, request: Request, cursor: _Cursor, left: int, rng: torch.Generator
) -> Generator[Verb, Any, tuple[Segment, str | None, _Cursor]]:
    """Text until the document ends, another modality opens (its name is returned), or ``left`` tokens are written."""
    codec, head, sampling = model.text, model.modality(TEXT).head, request.sampling
    others = [name for name in model.modalities if name != TEXT]
    opens = {model.mark(name)[0]: name for name in others}
    begins = {codec.begin} - {codec.end}  # some pretrained models begin and end documents with one token
    banned = [*begins, *(model.mark(name)[1] for name in others), *(opens if request.want == TEXT else [])]
    how = head.settings(
        Wishes(temperature=sampling.text_temperature, top_k=sampling.top_k, top_p=sampling.top_p, banned=tuple(banned))
    )
    ids: list[int] = []
    opened: str | None = None
    while len(ids) < left:
        *before, last = cursor.unplaced
        for span in before:
            yield Append(span, CONDITIONAL)
        hidden = yield Commit(last, CONDITIONAL)
        cursor = replace(cursor, unplaced=())
        token = yield Draw(TEXT, hidden[:, -1:], head.noise(1, how, rng), how)
        drawn = int(token[0])
        if drawn == codec.end or drawn in opens:
            opened = opens.get(drawn)
            break
        ids.append(drawn)
        cursor = replace(cursor, unplaced=(Span(TEXT, token, positions(1, cursor.index)),), index=cursor.index + 1)
    written = torch.tensor(ids, dtype=torch.long)
    return Segment(TEXT, written), opened, replace(cursor, label=torch.cat([cursor.label, written]))


def _render(
    model: Model, request: Request, name: str, cursor: _Cursor, rng: torch.Generator
) -> Generator[Verb, Any, tuple[Segment, int]]:
    """One segment of another modality, behind its open token, in all branches; and the next index."""
    modality, sampling = model.modality(name), request.sampling
    grid = request.grid or modality.grid
    if not grid:
        raise DataError(f"no size is known for a generated {name}; say one in the request")
    opening = torch.tensor([model.mark(name)[0]])
    for span in cursor.unplaced:
        yield Append(span, CONDITIONAL)
    if rows_of(model, request) == 2:
        yield Forget(UNCONDITIONAL)
        yield Append(Span(TEXT, torch.tensor([model.text.begin]), positions(1, 0)), UNCONDITIONAL)
    hidden = yield Commit(Span(TEXT, opening, positions(1, cursor.index)))
    guidance = Guidance(sampling.guidance, sampling.guidance_schedule, sampling.guidance_interval)
    wishes = Wishes(
        guidance, sampling.temperature, sampling.steps, sampling.solver, top_k=sampling.top_k, top_p=sampling.top_p
    )
    how = modality.head.settings(wishes)
    label = cursor.label if model.reads_labels else None
    project = modality.codec.project
    wish = Wish(name, grid, cursor.index + 1, how, sampling.rounds, sampling.scales, label, project)
    values = yield from modality.factorise.generate(wish, modality.head, hidden, rng)
    return Segment(name, values, grid), cursor.index + 1 + len(values)
