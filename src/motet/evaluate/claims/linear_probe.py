"""What hidden states tell of a picture: a linear regression from the backbone's states to the shape of what is shown.

ACDiT (arXiv 2412.07720) asks whether a model that draws has learned to see. States behind each block are averaged over
the picture's tokens; a ridge regression reads the shape of the one thing from them, on pictures that it was not fitted
to. Prompts are left out: the picture stands behind the token that opens it, as in the unconditional branch.

A full-sequence diffusion has only ever seen noised pictures, a blockwise one clean and noised ones, and the block whose
states tell most differs, too. So clean and lightly noised pictures and all blocks are tried for every model, and what
does best on some pictures is judged on others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from motet.data.corpus import Corpus, Split
from motet.data.loader import document_rng
from motet.data.scenes.item import scene_of
from motet.data.scenes.vocabulary import SHAPES
from motet.data.source import open_source
from motet.errors import DataError
from motet.evaluate.judged import IMAGE
from motet.factorise.next_block import NextBlock, blocks_of
from motet.model import TEXT, Model
from motet.sequence import Segment, Span, pack, positions

BEFORE = 5
"""Index of the token that opens the picture: where a caption of usual length would have left it."""
AT_ONCE = 256
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Of the ridge, beside features of mean square 1."""
CLEAN = 1.0
"""The time of a clean picture, in reports."""


@dataclass(frozen=True)
class Probing:
    """How a probe is taken. All pictures show one thing.

    fitted: training pictures that regressions are fitted to; chosen: others, on which the time, the block and the
    ridge are chosen. data: renders that neither the model nor a regression has seen, of which ``judged`` are judged.
    times: at which pictures are noised; None: clean.
    """

    data: str
    fitted: int = 1500
    chosen: int = 500
    judged: int = 1000
    times: tuple[float | None, ...] = (None, 0.9, 0.7)


@dataclass(frozen=True)
class Probed:
    """accuracy: share of judged pictures whose shape is told; pooled: the same from mean latents, without the model.

    time, block: those that were chosen.
    """

    accuracy: float
    pooled: float
    time: float
    block: int


@dataclass(frozen=True)
class Shown:
    """Pictures of one thing each: latents ``[n, t, c]`` and the number of its shape ``[n]``."""

    latents: Float[Tensor, "n t c"]
    grid: tuple[int, ...]
    shape: Int[Tensor, " n"]

    def part(self, start: int, stop: int) -> "Shown":
        return replace(self, latents=self.latents[start:stop], shape=self.shape[start:stop])


@dataclass(frozen=True)
class Ridge:
    """A linear classifier of features that are first made to have mean 0 and spread 1."""

    centre: Float[Tensor, " d"]
    spread: Float[Tensor, " d"]
    weights: Float[Tensor, "i k"]

    @staticmethod
    def fit(features: Float[Tensor, "n d"], labels: Int[Tensor, " n"], strength: float) -> "Ridge":
        """Least squares to 1 for the right class and -1 for the others, in closed form. The constant is not shrunk."""
        centre, spread = features.mean(0), features.std(0).clamp_min(1e-6)
        x = _with_constant((features - centre) / spread).double()
        y = nn.functional.one_hot(labels, len(SHAPES)).double() * 2 - 1
        ridge = strength * torch.eye(x.shape[1], dtype=x.dtype)
        ridge[-1, -1] = 0.0
        return Ridge(centre, spread, torch.linalg.solve(x.T @ x / len(x) + ridge, x.T @ y / len(x)).float())

    def right(self, features: Float[Tensor, "n d"], labels: Int[Tensor, " n"]) -> float:
        """The share of rows whose class it tells."""
        scores = _with_constant((features - self.centre) / self.spread) @ self.weights
        return float((scores.argmax(1) == labels).float().mean())


def probe(model: Model, corpus: Corpus, how: Probing) -> Probed:
    """How well the shape of a picture's one thing is told by a model's hidden states.

    Raises DataError if the corpus is no ``scenes``, or has too few pictures of one thing.
    """
    own = shown(model, corpus.train, how.fitted + how.chosen)
    fitted, chosen = own.part(0, how.fitted), own.part(how.fitted, how.fitted + how.chosen)
    side = corpus.train.size
    judged = shown(model, Corpus.of(open_source(how.data), side).train, how.judged)
    parts = (fitted, chosen, judged)
    found: list[tuple[float, float, float, int]] = []  # on the chosen ones, on the judged ones, time, block
    for time in how.times:
        states = [pooled_states(model, part, time) for part in parts]
        for block, features in enumerate(zip(*states, strict=True)):
            found.append((*_best(features, parts), CLEAN if time is None else time, block))
    best = max(found, key=lambda one: one[0])
    _, pooled = _best([part.latents.mean(1) for part in parts], parts)
    return Probed(best[1], pooled, best[2], best[3])


def shown(model: Model, split: Split, n: int) -> Shown:
    """The first ``n`` pictures of a split that show one thing."""
    scenes = ((i, scene_of(document.id)) for i, document in enumerate(split.documents))
    alone = list(islice(((i, scene.things[0]) for i, scene in scenes if len(scene.things) == 1), n))
    if len(alone) < n:
        raise DataError(f"the data has {len(alone)} pictures of one thing where the probe needs {n}; give it more (n=)")
    encoded = split.encoded(model)
    pictures = [next(segment for segment in encoded[i] if segment.modality == IMAGE) for i, _ in alone]
    codec, names = model.modality(IMAGE).codec, list(SHAPES)
    return Shown(
        torch.stack([codec.means(picture.values) for picture in pictures]),
        pictures[0].grid,
        torch.tensor([names.index(thing.kind.shape) for _, thing in alone]),
    )


@torch.no_grad()
def pooled_states(model: Model, pictures: Shown, time: float | None) -> list[Float[Tensor, "n d"]]:
    """The states behind each block of the backbone, averaged over the picture's tokens: noised ones if there are any.

    time: at which every block of the picture is noised; None: the picture is clean.
    """
    pooled: list[list[Tensor]] = [[] for _ in model.backbone.blocks]
    for start in range(0, len(pictures.latents), AT_ONCE):
        some = pictures.latents[start : start + AT_ONCE]
        documents = [
            _spans(model, Segment(IMAGE, latents, pictures.grid), time, start + i) for i, latents in enumerate(some)
        ]
        batch = pack(documents, rows=len(documents), length=sum(len(span) for span in documents[0])).to(model.device)
        at = batch.place[IMAGE]
        if time is not None:
            at = at[~batch.time.flatten()[at].isnan()]
        seen: list[Tensor] = []
        hooks = [block.register_forward_hook(_keeping(seen)) for block in model.backbone.blocks]
        try:
            model.hidden(batch)
        finally:
            for hook in hooks:
                hook.remove()
        for kept, states in zip(pooled, seen, strict=True):
            kept.append(states.flatten(0, 1)[at.view(len(documents), -1)].mean(1).float().cpu())
    return [torch.cat(kept) for kept in pooled]


def _spans(model: Model, picture: Segment, time: float | None, number: int) -> list[Span]:
    """A document of nothing but a picture, its blocks as in training but all noised at one time."""
    factorise = model.modality(IMAGE).factorise
    assert isinstance(factorise, NextBlock), "the probe knows pictures that are denoised by the backbone"
    opening = torch.tensor([model.mark(IMAGE)[0]])
    spans = [
        Span(TEXT, torch.tensor([model.text.begin]), positions(1, 0)),
        Span(TEXT, opening, positions(1, BEFORE)),
    ]
    pos = positions(len(picture), BEFORE + 1, picture.grid)
    noise = torch.randn(picture.values.shape, generator=document_rng(0, number))
    for at in blocks_of(picture.grid, factorise.size):
        clean = Span(IMAGE, picture.values[at], pos[at], whole=True)
        if time is not None:
            t = torch.full((len(at),), time)
            values = factorise.path.mix(clean.values, noise[at], t)
            spans.append(replace(clean, values=values, time=t, public=not factorise.clean_copy))
        if time is None or factorise.clean_copy:
            spans.append(clean)
    return spans


def _keeping(seen: list[Tensor]) -> Any:
    def keep(block: nn.Module, inputs: Any, output: Any) -> None:
        seen.append(output[0])

    return keep


def _best(features: Sequence[Tensor], parts: Sequence[Shown]) -> tuple[float, float]:
    """Accuracy on the chosen and on the judged pictures, with the ridge that is best on the chosen ones."""
    (fitted, chosen, judged), (of_fitted, of_chosen, of_judged) = features, [part.shape for part in parts]
    found = []
    for strength in STRENGTHS:
        ridge = Ridge.fit(fitted, of_fitted, strength)
        found.append((ridge.right(chosen, of_chosen), ridge.right(judged, of_judged)))
    return max(found, key=lambda one: one[0])


def _with_constant(x: Float[Tensor, "n d"]) -> Float[Tensor, "n i"]:
    return torch.cat([x, torch.ones_like(x[:, :1])], 1)
