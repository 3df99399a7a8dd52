"""What "done" means for a recipe: six tests, the same for every entry of RECIPES, and its idea stands on one screen."""

import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from motet.config import override, to_dict
from motet.embed.strangers import Strangers
from motet.generate import generate, run
from motet.heads.diffusion import Diffusion
from motet.model import TEXT, Model
from motet.recipes.recipe import Recipe, initialised
from motet.recipes.registry import RECIPES
from motet.recipes.run import RunConfig, load, train_run
from motet.request import Request, Sampling, answer, rows_of
from motet.sequence import Packed, Peek, Segment, Span, pack, sees
from support.listening import Heard, drawn_from, listening
from support.squares import squares

GOLDEN = Path(__file__).parent / "golden"
SAMPLING = Sampling(guidance=2.0, steps=3, max_tokens=5)
VARIANTS = {
    "transfusion, epsilon": override(
        RECIPES["transfusion"].sizes["tiny"],
        {"noising.target": "epsilon", "noising.path": "cosine", "noising.start": 0.05},
    ),
    "transfusion, unet": override(
        RECIPES["transfusion"].sizes["tiny"], {"codec.patch": 4, "codec.channels": 3, "merge": 2, "ends": "unet"}
    ),
    "transfusion, noise cap": override(RECIPES["transfusion"].sizes["tiny"], {"noise_cap": 0.5}),
    "acdit, one token a block": override(RECIPES["acdit"].sizes["tiny"], {"block": 1}),
    "acdit, class, mixed": override(
        RECIPES["acdit"].sizes["tiny"], {"condition": "class", "text_first": 1.0, "rope": "mixed"}
    ),
    "dit, class": override(RECIPES["dit"].sizes["tiny"], {"condition": "class"}),
    "latentlm, doubt": override(RECIPES["latentlm"].sizes["tiny"], {"doubt": 1.0}),
    "puma, doubt": override(RECIPES["puma"].sizes["tiny"], {"doubt": 1.0}),
    "fluid, raster": override(RECIPES["fluid"].sizes["tiny"], {"order": "raster"}),
    "fluid, codes": override(RECIPES["fluid"].sizes["tiny"], {"tokens": "discrete"}),
    "fluid, codes, raster": override(RECIPES["fluid"].sizes["tiny"], {"tokens": "discrete", "order": "raster"}),
    "lavit, positions": override(RECIPES["lavit"].sizes["tiny"], {"codec.positions": True}),
    "janus, latents": override(RECIPES["janus"].sizes["tiny"], {"generation": "latent"}),
    "lavit, reads what it predicts": override(RECIPES["lavit"].sizes["tiny"], {"predicts_read": True}),
    "janus, shared_semantic": override(RECIPES["janus"].sizes["tiny"], {"encoders": "shared_semantic"}),
    "janus, shared_vq": override(RECIPES["janus"].sizes["tiny"], {"encoders": "shared_vq"}),
}
"""Settings under which something else sees or predicts something else."""
pytestmark = pytest.mark.usefixtures("file_cache")


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return VARIANTS[request.param] if request.param in VARIANTS else RECIPES[request.param].sizes["tiny"]


in_all_variants = pytest.mark.parametrize("recipe", [*RECIPES, *VARIANTS], indirect=True, scope="module")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_file_of_at_most_a_hundred_lines(name: str):
    source = Path(inspect.getfile(RECIPES[name]))
    assert len(source.read_text(encoding="utf-8").splitlines()) <= 100, f"{source}: see docs/adding-a-recipe.md"


@pytest.fixture(scope="module")
def stirred(recipe: Recipe) -> Model:
    """The tiny model with random weights everywhere: a fresh one's blocks add nothing. Codecs draw no noise."""
    model = initialised(recipe, recipe.text_codec(squares(recipe.image_size)), 0).requires_grad_(False)
    rng = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=rng) * fan_in(parameter) ** -0.5 + (parameter.ndim == 1))
    for name in model.modalities:
        model.modality(name).codec.draw = lambda values, rng: values
    return model


def fan_in(parameter: Tensor) -> int:
    """How many numbers each output is a sum of."""
    return (parameter.shape[1:] or parameter.shape).numel()


def others(model: Model) -> list[str]:
    return [name for name in model.modalities if name != TEXT]


def words(model: Model, text: str, *, learn: bool = True) -> Segment:
    return Segment(TEXT, model.text.encode(text)[0], learn=learn)


def picture(model: Model, name: str, seed: int = 0) -> Segment:
    """A picture of coloured noise, encoded."""
    modality = model.modality(name)
    pixels = np.random.default_rng(seed).integers(0, 255, (*modality.size, 3), dtype=np.uint8)
    with torch.no_grad():
        return Segment(name, *modality.codec.encode(Image.fromarray(pixels)))


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def packed(model: Model, *documents: list[Segment]) -> Packed:
    return in_one_row(*(model.arrange(segments, rng()) for segments in documents))


def in_one_row(*documents: list[Span]) -> Packed:
    return pack(documents, rows=1, length=sum(len(span) for spans in documents for span in spans))


def predicting(model: Model, batch: Packed, modality: str) -> Tensor:
    return model.hidden(batch).states.flatten(0, 1)[batch.target[modality].at]


def with_span(spans: list[Span], seen: Span) -> tuple[list[Span], int]:
    """A training document that shows at the place of ``seen`` what ``seen`` shows, and where that span begins."""
    at = next(i for i, span in enumerate(spans) if span.predict is not None and torch.equal(span.pos, seen.pos))
    shown = replace(spans[at], values=seen.values, time=seen.time, masked=seen.masked)
    return [*spans[:at], shown, *spans[at + 1 :]], sum(map(len, spans[:at]))


# 1


@in_all_variants
def test_parity_cached_generation_has_the_hidden_states_of_the_training_forward(stirred: Model):
    prompt = words(stirred, "a red square", learn=False)
    for name in others(stirred):
        heard: Heard = []
        request = Request((prompt,), name, sampling=SAMPLING)
        rows = rows_of(stirred, request)
        made = run(stirred, [listening(answer(stirred, request), heard)], [rows])[0][0]
        drawn = drawn_from(heard, name)
        peeked = [(asked.span, told) for asked, told in heard if isinstance(asked, Peek)]
        spans = stirred.arrange([prompt, made], rng())
        for branch, doc in enumerate((spans, stirred.drop_condition(spans, 1.0, rng()))):
            if not peeked:  # every draw is made from the token before
                expected = predicting(stirred, in_one_row(doc), name)
                torch.testing.assert_close(torch.cat(drawn, 1)[branch], expected, atol=1e-4, rtol=1e-4)
            for seen, told in peeked:
                training, start = with_span(doc, seen)
                states = stirred.hidden(in_one_row(training)).states[0]
                torch.testing.assert_close(told[branch], states[start : start + len(seen)], atol=1e-4, rtol=1e-4)

        heard = []
        request = Request((replace(made, learn=False),), TEXT, sampling=SAMPLING)
        text = run(stirred, [listening(answer(stirred, request), heard)], [1])[0][0]
        drawn = drawn_from(heard, TEXT)
        batch = packed(stirred, [replace(made, learn=False), text])
        expected = predicting(stirred, batch, TEXT)[: len(drawn)]
        torch.testing.assert_close(torch.cat(drawn, 1)[0], expected, atol=1e-4, rtol=1e-4)


# 2


@in_all_variants
def test_leak_changing_a_target_moves_no_prediction_of_it(stirred: Model):
    """Whatever shows a predicted value as it is, or hides it under a mask, is changed in turn; who predicts it must not
    move. A noised token may know itself, but nothing before it may know of it. Nor may a document beside it, unless it
    shows values of others in place of its own."""
    strangers = any(isinstance(part, Strangers) for part in stirred.modules())
    for name in others(stirred):
        drawn, text = picture(stirred, name), words(stirred, "a blue square")
        for segments in ([text, drawn], [drawn, text], [drawn, text, picture(stirred, name, seed=1)]):
            spans = stirred.arrange(segments, rng())
            batch = in_one_row(spans, stirred.arrange([words(stirred, "red"), picture(stirred, name, seed=2)], rng()))
            beside = batch.tags.doc[0] != batch.tags.doc[0, 0]
            assert beside.any()
            states, starts = stirred.hidden(batch).states[0], [0]
            for span in spans:
                starts.append(starts[-1] + len(span))
            checked = 0
            for span, start in zip(spans, starts, strict=False):
                for at in [] if span.predict is None else span.predict.at.tolist():
                    by_itself = span.predict.by == "self"
                    predictor = start + at if by_itself else before(batch, start + at)
                    for token in shows(batch, span.modality, span.pos[at]):
                        if beside[token]:
                            continue
                        difference = moved(stirred, batch, span.modality, token, states)
                        noised = not torch.isnan(batch.time[0, token])
                        assert noised or difference[predictor] == 0, f"token {predictor} has seen what it predicts"
                        assert not difference[: min(token, start)].any(), "nothing before a token may know of it"
                        assert strangers or not difference[beside].any(), "nor another document"
                        masked = span.masked is not None and bool(span.masked[at])
                        assert masked or difference[token] > 0, "the change must show at the token itself"
                        checked += 1
            assert checked > 0


def before(batch: Packed, token: int) -> int:
    """The last public token before this one."""
    return max(i for i in range(token) if batch.tags.public[0, i])


def shows(batch: Packed, modality: str, pos: Tensor) -> list[int]:
    """The tokens of a modality at a position: clean, noised or masked copies of one value."""
    return [at for at in batch.place[modality].tolist() if torch.equal(batch.pos[0, at], pos)]


def moved(model: Model, batch: Packed, modality: str, token: int, states: Tensor) -> Tensor:
    """How far each state moves when the value of one token is another."""
    values = batch.values[modality].clone()
    index = int((batch.place[modality] == token).nonzero())
    values[index] = values[index] + 3 if values.is_floating_point() else (values[index] + 1) % 8
    changed = replace(batch, values=batch.values | {modality: values})
    return (model.hidden(changed).states[0] - states).abs().amax(-1)


# 3


@in_all_variants
def test_overfit_one_tiny_batch_is_learned_to_near_zero(recipe: Recipe):
    corpus = squares(recipe.image_size)
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
    if model.modality(TEXT).weight:
        assert end[TEXT] < 0.05 < start[TEXT]
    for modality in others(model):
        fresh = isinstance(model.modality(modality).head, Diffusion)  # it draws other times and noises at each step
        assert end[modality] < (0.3 if fresh else 0.01) * start[modality]


# 4


def test_mask_the_drawing_of_a_packed_batch_equals_the_golden_one(recipe: Recipe, stirred: Model):
    """Two documents in one row: a pair in each order, texts of two ids, pictures of 2 x 2 tokens, and padding."""
    name = next(key for key, kind in RECIPES.items() if isinstance(recipe, kind))
    text = Segment(TEXT, torch.tensor([20, 21]))
    drawn = picture(stirred, others(stirred)[0])
    docs = [stirred.arrange(segments, rng()) for segments in ([text, drawn], [drawn, text])]
    tags = pack(docs, rows=1, length=sum(len(span) for doc in docs for span in doc) + 2).tags
    mask = sees(tags, tags)[0] & (tags.doc[0] >= 0)[:, None]
    picture_of_it = "\n".join("".join("x" if seen else "." for seen in row) for row in mask.tolist()) + "\n"
    assert picture_of_it == (GOLDEN / f"{name}.txt").read_text()


# 5


@in_all_variants
def test_round_trip_a_saved_run_loads_with_the_same_loss_and_draws_the_same(recipe: Recipe, tmp_path: Path):
    name = next(key for key, kind in RECIPES.items() if isinstance(recipe, kind))
    corpus = squares(recipe.image_size)
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


@in_all_variants
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
            torch.testing.assert_close(one.values, other.values, atol=5e-5, rtol=5e-5)
