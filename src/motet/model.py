"""The unified model: a table of modalities around one backbone.

The text modality carries the stream: documents begin and end with its special tokens, and every other modality stands
between its open and close tokens.

    text -> image   <|document|> a red fox <|image|> z z z z <|/image|> <|end|>
    image -> text   <|document|> <|image|> z z z z <|/image|> a red fox <|end|>

Where a backbone reads labels, a text right before a picture is the picture's label and stands nowhere in the sequence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.codecs.codec import Codec
from motet.codecs.text import TextCodec, marks
from motet.embed.embed import Embed, Tokens
from motet.errors import DataError
from motet.factorise.factorisation import Factorisation
from motet.heads.head import Head
from motet.nn.backbone import Backbone
from motet.nn.block import Aux
from motet.nn.cache import Cache
from motet.sequence import Packed, Predict, Segment, Span, labelled, positions

TEXT = "text"


class Modality(nn.Module):
    """The four choices that make a modality, and how much its loss counts.

    codec: raw <-> values; embed: values -> model width; factorise: which value is predicted from which; head: the
    distribution of one prediction. ``size`` is the raw size that prompts are fitted to and answers have, (height,
    width) for pictures, () for text; ``grid`` is its token grid.
    """

    def __init__(
        self,
        *,
        codec: Codec,
        embed: Embed,
        factorise: Factorisation,
        head: Head,
        weight: float = 1.0,
        size: tuple[int, ...] = (),
        grid: tuple[int, ...] = (),
    ):
        super().__init__()
        self.codec = codec
        self.embed = embed
        self.head = head
        self.factorise = factorise
        self.weight = weight
        self.size = size
        self.grid = grid


class Hidden(NamedTuple):
    """What the backbone made of a batch: states ``[b, t, d]`` and named auxiliary scalars."""

    states: Tensor
    aux: Aux


@dataclass(frozen=True)
class ModelLoss:
    """total: what is minimised; parts: the mean loss of each modality (and auxiliary scalar), unweighted."""

    total: Float[Tensor, ""]
    parts: dict[str, Float[Tensor, ""]]


class Model(nn.Module):
    """One backbone, every modality.

    row_length: tokens of the rows that it is trained in; an answer has no more of text, unless a request says so.
    """

    def __init__(self, backbone: Backbone, modalities: dict[str, Modality], *, row_length: int = 256):
        super().__init__()
        assert TEXT in modalities, "the text modality carries the stream"
        self.row_length = row_length
        self.backbone = backbone
        self.modalities = nn.ModuleDict(modalities)

    # the table

    def modality(self, name: str) -> Modality:
        if name not in self.modalities:
            raise DataError(f"this model has no modality {name!r}; it has: {', '.join(self.modalities)}")
        found = self.modalities[name]
        assert isinstance(found, Modality)
        return found

    def owner(self, name: str) -> Modality:
        """The modality that spans of this name belong to: the one that it names, or one that is read by this view."""
        if name not in self.modalities:
            for modality in map(self.modality, self.modalities):
                if name in modality.embed.views:
                    return modality
        return self.modality(name)

    @property
    def text(self) -> TextCodec:
        codec = self.modality(TEXT).codec
        assert isinstance(codec, TextCodec)
        return codec

    @property
    def device(self) -> torch.device:
        return next(self.backbone.parameters()).device

    @property
    def reads_labels(self) -> bool:
        """Whether the text right before something else is the label of its noised tokens, instead of being placed."""
        conditioning = self.backbone.conditioning
        return conditioning is not None and conditioning.label is not None

    def mark(self, modality: str) -> tuple[int, int]:
        """Ids of the tokens that open and close a modality."""
        before, after = marks(modality)
        return self.text.id_of(before), self.text.id_of(after)

    # arranging documents

    def arrange(self, segments: Sequence[Segment], rng: torch.Generator) -> list[Span]:
        """The spans of one training document; draws latents and noise from ``rng``."""
        return _Stream(self, rng).document(segments)

    def drop_condition(self, spans: list[Span], share: float, rng: torch.Generator) -> list[Span]:
        """The document, or in that share of cases what an unconditional branch sees of it.

        It trains the unconditional branch of the guidance; which generated span it is for is drawn from ``rng``.
        """
        generated = [i for i, span in enumerate(spans) if span.modality != TEXT and span.predict is not None]
        if not generated or float(torch.rand((), generator=rng)) >= share:
            return spans
        return self.without_condition(spans, generated[int(torch.randint(len(generated), (), generator=rng))])

    def prompt(self, segments: Sequence[Segment]) -> list[Span]:
        """The spans of a prompt: nothing is predicted, the document stays open, and codecs give their means."""
        return _Stream(self, None).document(segments)

    def without_condition(self, spans: Sequence[Span], chosen: int) -> list[Span]:
        """The document as its unconditional branch sees span ``chosen``: begin and open tokens stand before it,
        nothing else.

        Everything keeps its position, so a generated span is the same in both branches. Where labels are the condition,
        nothing but labels is left out: clean tokens know of none, so both branches have the same.
        """
        if self.reads_labels:
            return [replace(span, label=None) for span in spans]
        while spans[chosen - 1].modality == spans[chosen].modality:  # a segment may be several spans
            chosen -= 1
        before = spans[chosen - 1]
        begin = replace(spans[0], values=spans[0].values[:1], pos=spans[0].pos[:1], predict=None)
        opening = replace(before, values=before.values[-1:], pos=before.pos[-1:], predict=None)
        return [begin, opening, *spans[chosen:]]

    # the forward pass

    def embed(self, batch: Packed) -> Float[Tensor, "b t d"]:
        rows, length = batch.shape
        x: Tensor | None = None
        for name, place in batch.place.items():
            pos, time = batch.pos.flatten(0, 1)[place], batch.time.flatten()[place]
            doc = batch.tags.doc.flatten()[place]
            embed = self.owner(name).embed
            embed = embed.views.get(name, embed)
            embedded = embed(Tokens(batch.values[name], pos, time, batch.masked[name], doc))
            if x is None:
                x = embedded.new_zeros(rows * length, embedded.shape[-1])
            x = x.index_copy(0, place, embedded.to(x.dtype))
        assert x is not None, "a batch holds at least one token"
        return x.view(rows, length, -1)

    def hidden(self, batch: Packed, cache: Cache | None = None) -> Hidden:
        """Hidden states of a batch; with a cache, its tokens also see what is committed there."""
        return Hidden(
            *self.backbone(
                self.embed(batch),
                batch.tags,
                batch.pos,
                cache,
                masked=batch.hidden(),
                time=batch.time,
                labels=batch.labels,
            )
        )

    def loss(self, batch: Packed, rng: torch.Generator) -> ModelLoss:
        """The joint loss: each modality's weighted mean over its predictions, times the modality's weight.

        Raises DataError for a batch in which nothing is predicted.
        """
        if not batch.target:
            raise DataError(
                f"{batch.n_docs} documents of a batch have nothing to learn: all of their parts are condition only; "
                "leave them out, or give each a part with learn=True"
            )
        hidden = self.hidden(batch)
        flat = hidden.states.flatten(0, 1)
        parts: dict[str, Tensor] = {}
        total = flat.new_zeros((), dtype=torch.float32)
        for name, target in batch.target.items():
            modality = self.modality(name)
            losses = modality.head.loss(flat[target.at], target.value, rng)
            parts[name] = (losses * target.weight).sum() / target.weight.sum()
            total = total + modality.weight * parts[name]
        for name, value in hidden.aux.items():
            parts[name] = value
            total = total + value
        return ModelLoss(total, {name: value.detach() for name, value in parts.items()})

    def learned(self) -> Iterable[nn.Module]:
        """What joint training learns: all but the codecs."""
        yield self.backbone
        for name in self.modalities:
            modality = self.modality(name)
            yield modality.embed
            yield modality.head


class _Stream:
    """Lays segments behind each other; neighbouring text tokens become one span."""

    def __init__(self, model: Model, rng: torch.Generator | None):
        self.model = model
        self.rng = rng  # None: a prompt
        self.spans: list[Span] = []
        self.ids: list[int] = []
        self.learn: list[bool] = []
        self.index = 0

    def document(self, segments: Sequence[Segment]) -> list[Span]:
        self._text([self.model.text.begin], learn=False)
        for segment in labelled(segments, TEXT) if self.model.reads_labels else segments:
            if segment.modality == TEXT:
                self._text(segment.values.tolist(), learn=segment.learn)
            else:
                self._values(segment)
        if self.rng is not None:
            self._text([self.model.text.end], learn=bool(segments) and segments[-1].learn)
        self._flush()
        return self.spans

    def _text(self, ids: list[int], *, learn: bool) -> None:
        self.ids += ids
        self.learn += [learn] * len(ids)

    def _values(self, segment: Segment) -> None:
        modality = self.model.modality(segment.modality)
        opening, closing = self.model.mark(segment.modality)
        self._text([opening], learn=segment.learn)
        self._flush()
        if self.rng is None:
            drawn = replace(segment, values=modality.codec.means(segment.values), learn=False)
        else:
            drawn = replace(segment, values=modality.codec.draw(segment.values, self.rng))
        order = self.rng if self.rng is not None else torch.Generator()
        spans = modality.factorise.arrange(drawn, self.index, order)
        self.spans += spans
        self.index = 1 + max(int(span.pos[:, 0].max()) for span in spans)
        self._text([closing], learn=False)

    def _flush(self) -> None:
        if not self.ids:
            return
        n = len(self.ids)
        values = torch.tensor(self.ids, dtype=torch.long)
        predict = None
        if self.rng is not None and any(self.learn):
            at = torch.tensor([i for i in range(n) if self.learn[i]])
            predict = Predict(at, values[at], torch.ones(len(at)))
        self.spans.append(Span(TEXT, values, positions(n, self.index), predict=predict))
        self.index += n
        self.ids, self.learn = [], []
