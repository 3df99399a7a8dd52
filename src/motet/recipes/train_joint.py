"""The stage that trains the model itself: every modality's loss over packed documents."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from motet.data.contact_sheet import contact_sheet
from motet.data.corpus import Corpus
from motet.data.document import Document, Part
from motet.data.evenly import evenly
from motet.data.loader import Loader, Task, balanced_weights, document_rng
from motet.data.orders import Ordering, before_last, described, drawn
from motet.generate import generate
from motet.model import TEXT, Model
from motet.nn.attention import Attention
from motet.nn.block import Block
from motet.nn.condition import Modulation, runs_of
from motet.recipes.held_out import ORDERS, document_losses
from motet.request import Request, Sampling
from motet.sequence import Packed, Segment, Span
from motet.train.objective import Losses, Objective

Batch = tuple[Packed, torch.Generator]
JUDGED = 72
"""Held-out documents that the losses during training are taken on."""
PREVIEWED = 24
MOST_MEAN, LEAST_SPREAD, MOST_SPREAD = 0.3, 0.5, 1.5
"""Means of latents outside these bounds do not fit their codec's statistics; noise adds to their spread."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mixture:
    """How documents become batches of ``rows`` packed rows of ``length`` tokens.

    text_first:        share of pairs with the text first, which draw; the others describe.
    balance:           of those that draw, and of those that describe (``balanced_weights``).
    describing:        how those that describe are laid out.
    condition_dropout: share of documents that are laid out as an unconditional branch sees them.
    """

    rows: int
    length: int
    text_first: float
    balance: tuple[float, float] = (0.0, 0.0)
    describing: Ordering = described
    condition_dropout: float = 0.0


class TrainJointly(Objective):
    """Next-token cross-entropy on text and the heads' losses on everything else, in one packed sequence."""

    module: Model

    def __init__(
        self,
        model: Model,
        corpus: Corpus,
        mixture: Mixture,
        *,
        sampling: Sampling,
        seed: int,
        learned: Iterable[nn.Module] | None = None,
    ):
        """learned: the parts of the model that this stage trains; None: all that it may, ``model.learned()``."""
        self.module = model
        self.corpus = corpus
        self.sampling = sampling
        self.seed = seed
        self.mixture = mixture
        model.requires_grad_(False)
        for part in model.learned() if learned is None else learned:
            part.requires_grad_(True)
        groups = [document.group for document in corpus.train.documents]
        first, last = (balanced_weights(groups, degree) for degree in mixture.balance)
        tasks = [
            Task(mixture.text_first, first, partial(self._arrange, drawn)),
            Task(1 - mixture.text_first, last, partial(self._arrange, mixture.describing)),
        ]
        self.loader = Loader(corpus.train.encoded(model), tasks, rows=mixture.rows, length=mixture.length, seed=seed)
        self.held_out = corpus.held_out.encoded(model)
        self._warn_of_drift()

    def _arrange(self, order: Ordering, segments: list[Segment], rng: torch.Generator) -> list[Span]:
        spans = self.module.arrange(order(segments), rng)
        return self.module.drop_condition(spans, self.mixture.condition_dropout, rng)

    def batch(self, cursor: int) -> tuple[Batch, int]:
        packed, following = self.loader.batch(cursor)
        return (packed, document_rng(self.seed + 1, cursor)), following

    def losses(self, batch: Batch) -> Losses:
        packed, rng = batch
        loss = self.module.loss(packed.to(self.module.device), rng)
        return Losses(loss.total, loss.parts, packed.n_tokens)

    def compile(self) -> None:
        for block in self.module.backbone.blocks:
            block.compile()
        for name in self.module.modalities:
            self.module.modality(name).head.compile_parts()

    def flops_per_token(self) -> float:
        """Training FLOPs per token: 6 for each parameter that a token passes (Kaplan et al. 2020), plus attention.

        One that is frozen costs 4, since nothing but what came into it needs its gradient. A block counts for the
        tokens of its rows, padding among them; a head for the predictions that it makes, several times where it draws
        several noises for each. Attention adds 12 * dim * row length for each of those tokens. Both are what the
        processor does: rows are computed whole. Modulations are made once for each time and label of a row. The cost of
        a batch is divided by its tokens without padding.
        """
        packed, _ = self.loader.batch(0)
        backbone, (_, length) = self.module.backbone, packed.shape
        flops = _cost(backbone.norm) * packed.tags.doc.numel()
        for block in backbone.blocks:
            assert isinstance(block, Block)
            tokens = block.rows(packed.tags, packed.hidden()) * length
            layers = sum(isinstance(part, Attention) for part in block.modules())
            flops += (_cost(block) + 12.0 * layers * backbone.norm.dim * length) * tokens
        for name, target in packed.target.items():
            head = self.module.modality(name).head
            flops += _cost(head) * len(target.at) * head.passes
        return (flops + _modulating(backbone, packed)) / packed.n_tokens

    def evaluate(self) -> dict[str, float]:
        """Held-out loss of each modality, text read after its picture and pictures after their text."""
        numbers: dict[str, float] = {}
        for order_name, order in ORDERS.items():
            losses = document_losses(
                self.module,
                evenly(self.held_out, JUDGED),
                order=order,
                row_length=self.mixture.length,
                seed=self.seed + 2,
            )
            numbers |= {f"{name}/{order_name}": sums.mean() for name, sums in losses.items()}
        return numbers

    def _warn_of_drift(self) -> None:
        """Latents without the mean and spread that the codec's statistics promise train badly, and silently."""
        latents: dict[str, list[Tensor]] = {}
        for document in evenly(self.loader.documents, 512):
            for span in self.module.prompt(document):
                if span.values.is_floating_point():
                    latents.setdefault(span.modality, []).append(span.values)
        for name, parts in latents.items():
            seen = torch.cat(parts)
            mean, spread = float(seen.mean()), float(seen.square().mean().sqrt())
            if abs(mean) > MOST_MEAN or not LEAST_SPREAD < spread < MOST_SPREAD:
                _log.warning(
                    "%s latents have mean %.2f and spread %.2f where the codec's statistics promise 0 and about 1: "
                    "the codec was trained on other data; train it on this one",
                    name,
                    mean,
                    spread,
                )

    def preview(self, path: Path) -> None:
        """Pictures for some held-out prompts, by the same sampler as everywhere; an edit beside what it is made of."""
        wanted = next((name for name in self.module.modalities if name != TEXT), None)
        if wanted is None:
            return
        prompts = evenly([p for p in (before_last(doc, wanted) for doc in self.held_out) if p], PREVIEWED)
        if not prompts:
            return
        requests = [Request(tuple(p), wanted, seed=i, sampling=self.sampling) for i, p in enumerate(prompts)]
        made = generate(self.module, requests)
        shown = []
        for i, (prompt, segments) in enumerate(zip(prompts, made, strict=True)):
            codec, one = self.module.modality(wanted).codec, segments[0]
            picture = codec.render([one.values], one.grid, [document_rng(i, 0)])[0]
            shown.append(Document(str(i), (*map(self._part, prompt), Part(wanted, picture))))
        contact_sheet(shown, path, columns=8)

    def _part(self, given: Segment) -> Part:
        codec = self.module.modality(given.modality).codec
        return Part(given.modality, codec.decode(codec.means(given.values), given.grid))


def _modulating(backbone: nn.Module, packed: Packed) -> float:
    """FLOPs of modulations: each is made once for every different condition, and spread over the tokens of its row."""
    runs = runs_of(packed.time, None if packed.labels is None else packed.labels.of)
    if runs is None:
        return 0.0
    made = [part for part in backbone.modules() if isinstance(part, Modulation)]
    each = sum((6.0 if p.requires_grad else 4.0) * p.numel() for part in made for p in part.parameters())
    return each * runs.time.numel() + sum(4.0 * part.linear.out_features for part in made) * runs.of.numel()


def _cost(part: nn.Module) -> float:
    """FLOPs of training at one token: of all parameters but those of modulations, which tokens do not pass."""
    modulating = {id(p) for inner in part.modules() if isinstance(inner, Modulation) for p in inner.parameters()}
    return sum((6.0 if p.requires_grad else 4.0) * p.numel() for p in part.parameters() if id(p) not in modulating)
