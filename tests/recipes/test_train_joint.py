"""The stage that trains the model: what is judged and shown while it trains, and what compiling it changes."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch._dynamo.utils import counters

from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.model import Model
from motet.nn.compiler import forget_compiled, lacks_for_compiling
from motet.recipes import train_joint
from motet.recipes.latentlm import TINY
from motet.recipes.recipe import initialised
from motet.recipes.train_joint import Mixture, TrainJointly
from motet.request import Request, Sampling
from motet.sequence import Segment

CLASSES = ("fox", "fox", "fox", "fox", "hare", "hare", "owl", "owl")


@pytest.fixture
def objective(own_cache: None) -> TrainJointly:
    """Held out are pictures without a text, then pairs in the order of their classes."""
    documents = tuple(
        Document(str(i), (Part("text", name), Part("image", Image.new("RGB", (16, 16), (30 * i, 90, 200 - 20 * i)))))
        for i, name in enumerate(CLASSES)
    )
    bare = tuple(Document(f"bare {i}", (Part("image", Image.new("RGB", (16, 16), (i, 0, 0))),)) for i in range(8))
    corpus = Corpus("animals", Split(documents, (16, 16)), Split((*bare, *documents), (16, 16)))
    model = initialised(TINY, TINY.text_codec(corpus), 0)
    mixture = Mixture(rows=2, length=64, text_first=0.5)
    return TrainJointly(model, corpus, mixture, sampling=Sampling(guidance=1.0, steps=1), seed=0)


def test_held_out_losses_are_of_documents_from_all_over_the_list(
    objective: TrainJointly, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[list[int]] = []

    def losses(model: object, documents: Sequence[object], **how: object) -> dict[str, object]:
        judged.append([next(i for i, one in enumerate(objective.held_out) if one is some) for some in documents])
        return {}

    monkeypatch.setattr(train_joint, "document_losses", losses)
    monkeypatch.setattr(train_joint, "JUDGED", 4)
    objective.evaluate()
    assert judged == [[0, 4, 8, 12]] * 2


def test_a_frozen_parameter_costs_four_flops_where_a_learned_one_costs_six(objective: TrainJointly) -> None:
    backbone = objective.module.backbone
    everything = objective.flops_per_token()
    backbone.requires_grad_(False)
    frozen = sum(p.numel() for p in backbone.parameters())
    packed, _ = objective.loader.batch(0)
    computed = packed.tags.doc.numel() / packed.n_tokens  # rows are computed whole
    assert everything - objective.flops_per_token() == pytest.approx(2 * frozen * computed)


def test_previews_are_of_prompts_from_all_over_those_that_there_are(
    objective: TrainJointly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(
        train_joint, "contact_sheet", lambda documents, path, **how: shown.extend(d.text for d in documents)
    )
    monkeypatch.setattr(train_joint, "PREVIEWED", 4)
    objective.preview(tmp_path / "preview.png")
    assert shown == ["fox", "fox", "hare", "owl"]


def test_an_edit_is_previewed_from_the_picture_and_its_instruction_and_a_question_is_not(
    own_cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    given, words = Part("image", before, learn=False), Part("text", "make it blue", learn=False)
    edit = Document("edit", (given, words, Part("image", after)))
    question = Document("question", (given, Part("text", "what colour?", learn=False), Part("text", "red")))
    split = Split((edit, question), (16, 16))
    corpus = Corpus("edits", split, split)
    model = initialised(TINY, TINY.text_codec(corpus), 0)
    mixture = Mixture(rows=2, length=64, text_first=0.5)
    made = TrainJointly(model, corpus, mixture, sampling=Sampling(guidance=1.0, steps=1), seed=0)
    sheets: list[list[Document]] = []
    asked: list[list[str]] = []
    sampler = train_joint.generate

    def noted(model: Model, requests: Sequence[Request]) -> list[list[Segment]]:
        asked.extend([segment.modality for segment in request.prompt] for request in requests)
        return sampler(model, requests)

    monkeypatch.setattr(train_joint, "generate", noted)
    monkeypatch.setattr(train_joint, "contact_sheet", lambda documents, path, **how: sheets.append(documents))
    made.preview(tmp_path / "preview.png")
    assert asked == [["image", "text"]]
    assert [[part.modality for part in shown.parts] for shown in sheets[0]] == [["image", "text", "image"]]
    assert sheets[0][0].text == "make it blue"


def loss_and_gradients(objective: TrainJointly) -> tuple[float, dict[str, Tensor]]:
    """Of the first batch; all of its randomness is drawn anew."""
    batch, _ = objective.batch(0)
    total = objective.losses(batch).total
    total.backward()
    gradients = {name: p.grad.clone() for name, p in objective.module.named_parameters() if p.grad is not None}
    objective.module.zero_grad(set_to_none=True)
    return float(total.detach()), gradients


@pytest.mark.skipif(lacks_for_compiling(torch.device("cpu")) is not None, reason="this machine cannot compile")
def test_compiled_training_has_the_loss_and_the_gradients_of_plain_training(objective: TrainJointly) -> None:
    """In fp32 sums in another order differ by some millionths of their terms; what is computed wrongly, by far more."""
    model, rng = objective.module, torch.Generator().manual_seed(1)
    del model.backbone.blocks[1:]  # each is compiled apart, which takes seconds
    with torch.no_grad():
        for parameter in (p for p in model.parameters() if p.requires_grad):
            # fresh residual branches end in zeros, behind which nothing has a gradient
            parameter.add_(torch.randn(parameter.shape, generator=rng) * parameter.shape[-1] ** -0.5)
    loss, gradients = loss_and_gradients(objective)
    counters.clear()
    objective.compile()
    compiled_loss, compiled = loss_and_gradients(objective)
    assert counters["stats"]["unique_graphs"] >= 2, "of the blocks, and of the head"
    assert compiled_loss == pytest.approx(loss, rel=1e-5) and compiled_loss != 0
    assert compiled.keys() == gradients.keys()
    for name, plain in gradients.items():
        largest = float(plain.abs().max())
        assert float((compiled[name] - plain).abs().max()) <= 1e-3 * largest, name
    assert min(float(plain.abs().max()) for name, plain in gradients.items() if name.startswith("backbone")) > 0
    forget_compiled(model)
    again, plain_gradients = loss_and_gradients(objective)
    assert again == loss and all(torch.equal(plain, gradients[name]) for name, plain in plain_gradients.items())
