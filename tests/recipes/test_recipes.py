"""What "done" means for a recipe: six tests, the same for every entry of RECIPES."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from motet.config import to_dict
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.generate import generate, run
from motet.model import TEXT, Model
from motet.recipes.recipe import Recipe, initialised
from motet.recipes.registry import RECIPES
from motet.recipes.run import RunConfig, load, train_run
from motet.request import Request, Sampling, answer
from motet.sequence import Draw, Packed, Program, Segment, pack, sees

GOLDEN = Path(__file__).parent / "golden"
SAMPLING = Sampling(guidance=2.0, steps=3, max_tokens=5)
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (40, 60, 230), "grey": (120, 120, 120)}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTET_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("motet.train.hardware.matmul_peak", lambda *_: 1e9)
        yield


def corpus_for(recipe: Recipe) -> Corpus:
    """Four coloured squares with their names, to learn from and to be judged on."""
    side = recipe.image_size
    documents = tuple(
        Document(name, (Part("text", f"a {name} square"), Part("image", Image.new("RGB", (side, side), colour))), name)
        for name, colour in COLOURS.items()
    )
    return Corpus("squares", Split(documents, (side, side)), Split(documents, (side, side)))


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return RECIPES[request.param].sizes["tiny"]


@pytest.fixture(scope="module")
def stirred(recipe: Recipe) -> Model:
    """The tiny model with random weights everywhere: a fresh one's blocks add nothing. Codecs draw no noise."""
    model = initialised(recipe, recipe.text_codec(corpus_for(recipe)), 0).requires_grad_(False)
    rng = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.copy_(
            torch.randn(parameter.shape, generator=rng) * parameter.shape[-1] ** -0.5 + (parameter.ndim == 1)
        )
    for name in model.modalities:
        model.modality(name).codec.draw = lambda values, rng: values
    return model


def others(model: Model) -> list[str]:
    return [name for name in model.modalities if name != TEXT]


def words(model: Model, text: str, *, learn: bool = True) -> Segment:
    return Segment(TEXT, model.text.encode(text)[0], learn=learn)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def packed(model: Model, *documents: list[Segment]) -> Packed:
    docs = [model.arrange(segments, rng()) for segments in documents]
    return pack(docs, rows=1, length=sum(len(span) for doc in docs for span in doc))


def predicting(model: Model, batch: Packed, modality: str) -> Tensor:
    return model.hidden(batch).states.flatten(0, 1)[batch.target[modality].at]


def listening(program: Program, modality: str, heard: list[Tensor]) -> Program:
    """The same program, noting the hidden states that each draw of a modality is made from."""
    reply = None
    while True:
        try:
            asked = program.send(reply)
        except StopIteration as end:
            return end.value
        if isinstance(asked, Draw) and asked.modality == modality:
            heard.append(asked.hidden)
        reply = yield asked


# 1


def test_parity_cached_generation_has_the_hidden_states_of_the_training_forward(stirred: Model):
    prompt = words(stirred, "a red square", learn=False)
    for name in others(stirred):
        heard: list[Tensor] = []
        request = Request((prompt,), name, sampling=SAMPLING)
        made = run(stirred, [listening(answer(stirred, request), name, heard)], [request.branches])[0][0]
        spans = stirred.arrange([prompt, made], rng())
        for branch, doc in enumerate((spans, stirred.drop_condition(spans, 1.0, rng()))):
            batch = pack([doc], rows=1, length=sum(map(len, doc)))
            expected = predicting(stirred, batch, name)
            torch.testing.assert_close(torch.cat(heard, 1)[branch], expected, atol=1e-4, rtol=1e-4)

        text_heard: list[Tensor] = []
        request = Request((replace(made, learn=False),), TEXT, sampling=SAMPLING)
        text = run(stirred, [listening(answer(stirred, request), TEXT, text_heard)], [1])[0][0]
        batch = packed(stirred, [replace(made, learn=False), text])
        expected = predicting(stirred, batch, TEXT)[: len(text_heard)]
        torch.testing.assert_close(torch.cat(text_heard, 1)[0], expected, atol=1e-4, rtol=1e-4)


# 2


def test_leak_changing_a_target_moves_no_prediction_of_it(stirred: Model):
    """Each public token that shows a target's value is changed in turn; the state that predicts it must stand still."""
    pictures = {
        name: torch.randn(4, stirred.modality(name).codec.shape.channels, generator=rng()) for name in others(stirred)
    }
    for name, values in pictures.items():
        picture, text = Segment(name, values, (2, 2)), words(stirred, "a blue square")
        for segments in ([text, picture], [picture, text], [picture, text, replace(picture, values=values + 1)]):
            batch = packed(stirred, segments)
            states = stirred.hidden(batch).states.flatten(0, 1)
            checked = 0
            for modality, target in batch.target.items():
                place, shown = batch.place[modality], batch.values[modality]
                for at, value in zip(target.at.tolist(), target.value, strict=True):
                    same = (shown == value).reshape(len(shown), -1).all(-1)
                    index = int((same & (place >= at) & batch.tags.public.flatten()[place]).nonzero()[0, 0])
                    changed = shown.clone()
                    changed[index] = (changed[index] + 1) % 250 if modality == TEXT else changed[index] + 3
                    moved = replace(batch, values=batch.values | {modality: changed})
                    difference = (stirred.hidden(moved).states.flatten(0, 1) - states).abs().amax(-1)
                    assert difference[at] == 0, f"{modality}: token {at} has seen what it predicts"
                    assert difference[place[index]] > 0, "the change must show at the token itself"
                    checked += 1
            assert checked == sum(len(target.at) for target in batch.target.values()) > 0


# 3


def test_overfit_one_tiny_batch_is_learned_to_near_zero(recipe: Recipe):
    corpus = corpus_for(recipe)
    model = initialised(recipe, recipe.text_codec(corpus), 0)
    (text, picture), (name, drawn) = corpus.train.encoded(model)[:2]
    read = [[replace(text, learn=False), picture], [replace(drawn, learn=False), name]]  # else which comes is a guess
    docs = [model.arrange(segments, rng()) for segments in read]
    batch = pack(docs, rows=2, length=max(sum(map(len, doc)) for doc in docs))
    learned = [p for part in model.learned() for p in part.parameters()]
    optimizer = torch.optim.Adam(learned, lr=5e-3)
    draws = torch.Generator().manual_seed(1)

    def losses() -> dict[str, float]:
        with torch.no_grad():
            return {name: float(value) for name, value in model.loss(batch, rng()).parts.items()}

    start = losses()
    for _ in range(200):
        loss = model.loss(batch, draws).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    end = losses()
    assert end[TEXT] < 0.05 < start[TEXT]
    for modality in others(model):
        assert end[modality] < 0.3 * start[modality]


# 4


def test_mask_the_drawing_of_a_packed_batch_equals_the_golden_one(recipe: Recipe, stirred: Model):
    """Two documents in one row: a pair in each order, texts of two ids, pictures of 2 x 2 tokens, and padding."""
    name = next(key for key, kind in RECIPES.items() if isinstance(recipe, kind))
    other = others(stirred)[0]
    text = Segment(TEXT, torch.tensor([20, 21]))
    picture = Segment(other, torch.zeros(4, stirred.modality(other).codec.shape.channels), (2, 2))
    docs = [stirred.arrange(segments, rng()) for segments in ([text, picture], [picture, text])]
    tags = pack(docs, rows=1, length=sum(len(span) for doc in docs for span in doc) + 2).tags
    mask = sees(tags, tags)[0] & (tags.doc[0] >= 0)[:, None]
    drawn = "\n".join("".join("x" if seen else "." for seen in row) for row in mask.tolist()) + "\n"
    assert drawn == (GOLDEN / f"{name}.txt").read_text()


# 5


def test_round_trip_a_saved_run_loads_with_the_same_loss_and_draws_the_same(recipe: Recipe, tmp_path: Path):
    name = next(key for key, kind in RECIPES.items() if isinstance(recipe, kind))
    corpus = corpus_for(recipe)
    config = RunConfig(name, to_dict(recipe), "squares", None, 4, 0, "test")
    assert train_run(config, corpus, tmp_path / "run")
    one, other = load(tmp_path / "run", device="cpu"), load(tmp_path / "run", device="cpu")
    raw = load(tmp_path / "run", weights="model", device="cpu")
    segments = corpus.train.encoded(one.model)[0]

    def loss_of(model: Model) -> float:
        return float(model.loss(packed(model, segments), rng()).total)

    with torch.no_grad():
        assert loss_of(one.model) == loss_of(other.model)
        assert loss_of(one.model) != loss_of(raw.model), "averaged weights are not the last ones"
    for wanted in one.model.modalities:
        prompt = corpus.train.documents[0].parts[0].value if wanted != TEXT else Image.new("RGB", (8, 8), "red")
        made = [pipeline.generate(prompt, want=wanted, seed=3, max_tokens=4, steps=2)[0] for pipeline in (one, other)]
        assert made[0] == made[1]
    assert not list((tmp_path / "run").rglob("*.pt")) and not list((tmp_path / "run").rglob("*.pkl"))


# 6


def test_batch_a_request_gets_what_it_would_get_alone(stirred: Model):
    requests = []
    for i, text in enumerate(("a red square", "blue", "a green square and more", "")):
        for name in others(stirred):
            how = replace(SAMPLING, guidance=1.0 + i % 2)
            requests.append(Request((words(stirred, text),), name, seed=i, sampling=how))
            values = generate(stirred, [requests[-1]])[0][0]
            requests.append(Request((values,), TEXT, seed=10 + i, sampling=replace(how, text_temperature=1.0)))
            requests.append(Request((values, words(stirred, text)), None, seed=20 + i, sampling=how))
    for together, request in zip(generate(stirred, requests), requests, strict=True):
        alone = generate(stirred, [request])[0]
        assert [segment.modality for segment in together] == [segment.modality for segment in alone]
        for one, other in zip(together, alone, strict=True):
            torch.testing.assert_close(one.values, other.values, atol=1e-5, rtol=1e-5)
