"""The stage that trains the model itself: every modality's loss over packed documents."""

from pathlib import Path

import torch

from motet.data.contact_sheet import contact_sheet
from motet.data.corpus import Corpus
from motet.data.document import Document, Part
from motet.data.loader import Loader, balanced_weights, document_rng
from motet.data.orders import in_either_order, text_first
from motet.generate import generate
from motet.model import TEXT, Model
from motet.request import Request, Sampling
from motet.sequence import Packed, pack
from motet.sequence.pack import fitting
from motet.sequence import Segment
from motet.train.objective import Losses, Objective

Batch = tuple[Packed, torch.Generator]
HELD_OUT_ROWS = 16
PREVIEWED = 24


class TrainJointly(Objective):
    """Next-token cross-entropy on text and the heads' losses on everything else, in one packed sequence."""

    module: Model

    def __init__(
        self,
        model: Model,
        corpus: Corpus,
        *,
        rows: int,
        length: int,
        balance: float,
        text_first_share: float,
        sampling: Sampling,
        seed: int,
    ):
        self.module = model
        self.corpus = corpus
        self.sampling = sampling
        self.seed = seed
        model.requires_grad_(False)
        for part in model.learned():
            part.requires_grad_(True)
        self.loader = Loader(
            corpus.train.encoded(model),
            lambda segments, rng: model.arrange(in_either_order(segments, text_first_share, rng), rng),
            rows=rows,
            length=length,
            weights=balanced_weights([document.group for document in corpus.train.documents], balance),
            seed=seed,
        )
        self.held_out = corpus.held_out.encoded(model)

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

    def evaluate(self) -> dict[str, float]:
        """Held-out loss of each modality, text read after its picture and pictures after their text."""
        numbers: dict[str, float] = {}
        for order, share in (("text_first", 1.0), ("image_first", 0.0)):
            spans = []
            for number, segments in enumerate(self.held_out):
                rng = document_rng(self.seed + 2, number)
                dropout, self.module.condition_dropout = self.module.condition_dropout, 0.0
                spans.append(self.module.arrange(in_either_order(segments, share, rng), rng))
                self.module.condition_dropout = dropout
            lengths = [sum(len(span) for span in doc) for doc in spans]
            fit = fitting(lengths, rows=HELD_OUT_ROWS, length=max(self.loader.length, max(lengths)))
            batch = pack(spans[:fit], rows=HELD_OUT_ROWS, length=max(self.loader.length, max(lengths)))
            with torch.no_grad():
                loss = self.module.loss(batch.to(self.module.device), document_rng(self.seed + 3, 0))
            numbers |= {f"{name}/{order}": float(value) for name, value in loss.parts.items()}
        return numbers

    def preview(self, path: Path) -> None:
        """Pictures for the first held-out prompts, by the same sampler as everywhere."""
        wanted = next((name for name in self.module.modalities if name != TEXT), None)
        prompts = [text_first(segments)[:1] for segments in self.held_out[:PREVIEWED]]
        prompts = [prompt for prompt in prompts if prompt and prompt[0].modality == TEXT]
        if wanted is None or not prompts:
            return
        requests = [Request(tuple(p), wanted, seed=i, sampling=self.sampling) for i, p in enumerate(prompts)]
        made = generate(self.module, requests)
        shown = []
        for i, (prompt, segments) in enumerate(zip(prompts, made, strict=True)):
            picture = self.module.modality(wanted).codec.decode(segments[0].values, segments[0].grid)
            caption = self.module.text.decode(prompt[0].values)
            shown.append(Document(str(i), (Part("text", caption), Part("image", picture))))
        contact_sheet(shown, path, columns=8)
