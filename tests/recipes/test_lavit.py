"""LaVIT: what each stage trains, and documents whose pictures have lengths of their own."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from motet.codecs.dynamic import Dynamic
from motet.config import override
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.errors import ConfigError
from motet.generate import run
from motet.model import Model
from motet.recipes.lavit import VIEW, LaVIT
from motet.recipes.recipe import initialised
from motet.request import Request, Sampling, answer
from motet.sequence import pack
from support.listening import Heard, drawn_from, listening
from support.random_weights import randomise

TINY = LaVIT.sizes["tiny"]
pytestmark = pytest.mark.usefixtures("file_cache")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    documents = []
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 255, (16, 16, 3), dtype=np.uint8)
        documents.append(Document(str(i), (Part("text", f"number {i}"), Part("image", Image.fromarray(pixels)))))
    return Corpus("noise", Split(tuple(documents), (16, 16)), Split(tuple(documents), (16, 16)))


@pytest.fixture(scope="module")
def model(corpus: Corpus) -> Model:
    """Random weights everywhere, and codes in place, so that pictures have sentences of different lengths."""
    made = initialised(TINY, TINY.text_codec(corpus), 0).requires_grad_(False)
    rng = torch.Generator().manual_seed(1)
    randomise(made, rng, spread=0.3)
    codec = made.modality("image").codec
    assert isinstance(codec, Dynamic)
    pixels = corpus.train.pixels.batch(range(6))
    codec.quantise(pixels, rng)
    codec.measure(pixels, rng)
    return made


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_pictures_of_different_lengths_are_encoded_and_come_from_the_cache_as_they_were(model: Model, corpus: Corpus):
    fresh, cached = corpus.train.encoded(model), corpus.train.encoded(model)
    assert len({len(picture) for _, picture in fresh}) > 1
    codec = model.modality("image").codec
    for document, (_, one), (_, other) in zip(corpus.train.documents, fresh, cached, strict=True):
        values, grid = codec.encode(document.parts[1].value)
        assert one.grid == other.grid == grid and torch.equal(one.values, other.values)
        features = one.values[:, :-1]  # six pictures fill no codebook, so some codes are equally near
        torch.testing.assert_close(features, values[:, :-1], atol=1e-4, rtol=1e-4)


def test_what_is_read_are_merged_tokens_and_what_is_made_codes_up_to_an_end(model: Model, corpus: Corpus):
    text, picture = corpus.train.encoded(model)[0]
    read = model.arrange([replace(picture, learn=False), text], rng())[1]
    assert read.modality == VIEW and len(read) == len(picture) - 1 and read.predict is None
    assert torch.equal(read.values, picture.values[:-1, :-1])
    made = model.arrange([text, picture], rng())[1]
    assert made.modality == "image" and made.values.tolist() == picture.values[:, -1].tolist()
    assert made.values[-1] == TINY.codec.codebook_size


def test_the_codes_of_a_read_picture_are_predicted_from_the_merged_tokens_before_each_if_that_is_asked(
    model: Model, corpus: Corpus
):
    asked = override(TINY, {"predicts_read": True})
    text, picture = corpus.train.encoded(model)[0]
    assert model.arrange(TINY.describing()([text, picture]), rng())[1].predict is None
    spans = model.arrange(asked.describing()([text, picture]), rng())
    assert [span.modality for span in spans] == ["text", VIEW, "text"]
    assert torch.equal(spans[1].values, picture.values[:-1, :-1])
    batch = pack([spans], rows=1, length=sum(map(len, spans)))
    assert batch.target.keys() == model.loss(batch, rng()).parts.keys() == {"text", "image"}
    assert torch.equal(batch.target["image"].value, picture.values[:-1, -1].long())
    assert torch.equal(batch.target["image"].at, batch.place[VIEW] - 1), "the open token, then each but the last"
    only_read = asked.describing()([replace(picture, learn=False), text])
    assert not only_read[0].learn and not only_read[0].view, "what the data says is only read stays so"


def test_text_behind_a_read_picture_is_generated_from_the_states_of_the_training_forward(model: Model, corpus: Corpus):
    heard: Heard = []
    picture = replace(corpus.train.encoded(model)[0][1], learn=False)
    request = Request((picture,), "text", sampling=Sampling(max_tokens=4))
    text = run(model, [listening(answer(model, request), heard)], [1])[0][0]
    drawn = drawn_from(heard, "text")
    spans = model.arrange([picture, text], rng())
    batch = pack([spans], rows=1, length=sum(map(len, spans)))
    states = model.hidden(batch).states.flatten(0, 1)[batch.target["text"].at][: len(drawn)]
    torch.testing.assert_close(torch.cat(drawn, 1)[0], states, atol=1e-4, rtol=1e-4)


def test_codes_come_after_the_selection_which_then_stays_as_it_is(corpus: Corpus):
    model = initialised(TINY, TINY.text_codec(corpus), 0)
    codec = model.modality("image").codec
    assert isinstance(codec, Dynamic)
    painting, merging, coding, joint = TINY.stages(0)
    pixels, lengths = corpus.train.pixels.batch(range(6)), []
    for stage in (painting, merging):
        stage.objective(model, corpus)
        assert all(p.requires_grad for p in codec.parameters())
        codec.selector.project_out.bias.data.fill_(-1)  # nothing wants to be kept
        lengths.append([len(one) - 1 for one in codec.sentences(pixels)])
    assert lengths == [[4] * 6, [1] * 6], "the selector has a say from the second stage on"
    coding.objective(model, corpus)
    selecting = {id(p) for part in codec.selecting() for p in part.parameters()}
    assert selecting and all(p.requires_grad != (id(p) in selecting) for p in codec.parameters())
    joint.objective(model, corpus)
    assert not any(p.requires_grad for p in codec.parameters()) and model.backbone.norm.weight.requires_grad
    assert sum(stage.share for stage in TINY.stages(0)) == pytest.approx(1)


def test_shares_that_leave_nothing_to_the_model_are_an_error():
    with pytest.raises(ConfigError, match=r"merging_share 0\.9 and codec_share 0\.1 are shares"):
        override(TINY, {"merging_share": 0.9})
