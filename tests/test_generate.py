"""Generation: the driver against a slow twin that runs the whole document again for every token."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.text import TextCodec
from motet.diffusion.guidance import Guidance
from motet.embed.lookup import Lookup
from motet.embed.project import Project
from motet.errors import DataError
from motet.factorise.masked import Masked
from motet.factorise.next_block import NextBlock, Noising
from motet.factorise.next_token import NextToken
from motet.generate import generate, run
from motet.heads.categorical import Categorical
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.heads.head import Head, Wishes
from motet.heads.velocity import Velocity
from motet.model import Modality, Model
from motet.nn.backbone import Backbone, TransformerShape
from motet.request import Request, Sampling
from motet.request import answer as program_of
from motet.sequence import Append, Commit, Forget, Peek, Program, Segment, Span, pack, positions
from support.listening import Heard, listening
from support.random_weights import randomise

CHANNELS, DIM = 4, 24
SAMPLING = Sampling(guidance=2.5, steps=3, max_tokens=6)


def tiny_model() -> Model:
    """Text and pictures, with random weights everywhere: a fresh model's blocks and heads add nothing."""
    text = TextCodec.learn(["a red fox", "a blue fox"], 280, ["image"])
    shape = TransformerShape(
        dim=DIM, n_layers=2, n_heads=4, n_kv_heads=2, ffn_dim=32, rope_axes=(2, 0, 2, 2), qk_norm=True
    )
    words = Modality(
        codec=text,
        embed=Lookup(text.vocab_size, DIM),
        factorise=NextToken(),
        head=Categorical(DIM, text.vocab_size),
    )
    image = Modality(
        codec=SigmaVAE(SigmaVaeShape(patch=4, channels=CHANNELS, dim=16, n_layers=1, n_heads=2)),
        embed=Project(CHANNELS, DIM),
        factorise=NextToken(),
        head=Diffusion(DIM, CHANNELS, DiffusionShape(width=16, n_layers=1, ffn_dim=24)),
        grid=(2, 2),
    )
    model = Model(Backbone.plain(shape), {"text": words, "image": image}).requires_grad_(False)
    return randomise(model, torch.Generator().manual_seed(8), spread=0.2)


class Scripted(Head):
    """A text head that says what a script has for the request's seed, and then always the last id of it."""

    def __init__(self, scripts: dict[int, list[int]]):
        super().__init__()
        self.scripts = {seed: list(script) for seed, script in scripts.items()}

    def loss(self, h: Tensor, value: Tensor, rng: torch.Generator) -> Tensor:
        raise AssertionError("a script does not learn")

    def noise(self, k: int, how: Any, rng: torch.Generator) -> Tensor:
        script = self.scripts[rng.initial_seed()]
        return torch.tensor([script.pop(0) if len(script) > 1 else script[0]])

    def sample(self, h: Tensor, noise: Tensor, how: Any) -> Tensor:
        return noise

    def settings(self, wishes: Wishes) -> tuple[()]:
        return ()


def scripted(scripts: dict[int, list[int]]) -> Model:
    model = tiny_model()
    model.modality("text").head = Scripted(scripts)
    return model


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny_model()


def words(model: Model, text: str) -> Segment:
    return Segment("text", model.text.encode(text)[0])


def picture(seed: int) -> Segment:
    return Segment("image", torch.randn(4, CHANNELS, generator=torch.Generator().manual_seed(seed)), (2, 2))


# the slow twin


def last_state(model: Model, doc: list[Span]) -> Tensor:
    """The hidden state of a document's last token, from one forward over all of it."""
    n = sum(len(span) for span in doc)
    return model.hidden(pack([doc], rows=1, length=n)).states[0, -1]


def slow(model: Model, request: Request) -> list[Segment]:
    """What ``request`` is answered with, by recomputing everything for each token."""
    rng = torch.Generator().manual_seed(request.seed)
    doc = list(model.prompt(request.prompt))
    answer, left = [], request.sampling.max_tokens
    while True:
        opened = request.want
        if request.want in (None, "text"):
            ids, opened = slow_text(model, request, doc, left, rng)
            left -= len(ids) + 1
            if ids or request.want == "text":
                answer.append(Segment("text", torch.tensor(ids)))
            if opened is None:
                return answer
        answer.append(slow_picture(model, request, doc, rng))
        if request.want is not None:
            return answer


def add(doc: list[Span], modality: str, values: Tensor, grid: tuple[int, ...] = (), at: int = 0) -> None:
    """Places values at the end; of a picture of ``grid``, the one token number ``at``."""
    index = 1 + max(int(span.pos[:, 0].max()) for span in doc)
    pos = positions(math.prod(grid), index - at, grid)[at : at + 1] if grid else positions(len(values), index)
    doc.append(Span(modality, values, pos))


def slow_text(
    model: Model, request: Request, doc: list[Span], left: int, rng: torch.Generator
) -> tuple[list[int], str | None]:
    head, how = model.modality("text").head, request.sampling
    opening, closing = model.mark("image")
    banned = (model.text.begin, closing, *((opening,) if request.want == "text" else ()))
    settings = head.settings(Wishes(temperature=how.text_temperature, top_k=how.top_k, top_p=how.top_p, banned=banned))
    ids: list[int] = []
    while len(ids) < left:
        token = head.sample(last_state(model, doc)[None, None], head.noise(1, settings, rng), settings)
        if int(token) == model.text.end:
            return ids, None
        if int(token) == opening:
            return ids, "image"
        ids.append(int(token))
        add(doc, "text", token)
    return ids, None


def slow_picture(model: Model, request: Request, doc: list[Span], rng: torch.Generator) -> Segment:
    image, how = model.modality("image"), request.sampling
    grid = request.grid or image.grid
    opening, closing = model.mark("image")
    add(doc, "text", torch.tensor([opening]))
    unconditional = [Span("text", torch.tensor([model.text.begin]), positions(1, 0)), doc[-1]]
    n, latents = math.prod(grid), []
    for i in range(n):
        scale = how.guidance if how.guidance_schedule == "constant" else 1 + (how.guidance - 1) * i / max(1, n - 1)
        guidance = Guidance(scale, "constant", how.guidance_interval)
        settings = image.head.settings(Wishes(guidance, how.temperature, how.steps, how.solver))
        hidden = torch.stack([last_state(model, doc), last_state(model, unconditional)])[:, None]
        noise = image.head.noise(1, settings, rng)
        latents.append(image.head.sample(hidden if how.guidance != 1.0 else hidden[:1], noise, settings))
        add(doc, "image", latents[-1], grid, i)
        unconditional.append(doc[-1])
    add(doc, "text", torch.tensor([closing]))
    return Segment("image", torch.cat(latents), grid)


def assert_same(made: list[Segment], expected: list[Segment]) -> None:
    assert [segment.modality for segment in made] == [segment.modality for segment in expected]
    for one, other in zip(made, expected, strict=True):
        assert one.grid == other.grid
        torch.testing.assert_close(one.values, other.values, atol=1e-4, rtol=1e-4)


def mixed(model: Model) -> list[Request]:
    plain, soft = replace(SAMPLING, guidance=1.0), replace(SAMPLING, text_temperature=1.0, top_k=20, top_p=0.9)
    linear = replace(SAMPLING, guidance_schedule="linear", guidance_interval=(0.2, 0.9), solver="heun")
    fox, red = words(model, "a fox"), words(model, "a red red red fox")
    return [
        Request((fox,), "image", seed=1, sampling=SAMPLING),
        Request((red,), "image", seed=2, sampling=plain),
        Request((picture(0),), "text", seed=3, sampling=SAMPLING),
        Request((red, picture(1), fox), "text", seed=4, sampling=soft),
        Request((fox,), "image", seed=5, sampling=SAMPLING),
        Request((picture(2), red), "image", (1, 3), seed=6, sampling=linear),
        Request((), "image", seed=7, sampling=replace(SAMPLING, solver="ancestral", temperature=0.7)),
        Request((red,), None, seed=8, sampling=replace(soft, max_tokens=3)),
    ]


# one request


@pytest.mark.parametrize("which", range(8))
def test_cached_generation_equals_recomputing_everything_for_each_token(model: Model, which: int):
    request = mixed(model)[which]
    assert_same(generate(model, [request])[0], slow(model, request))


def test_guidance_and_seeds_change_what_is_drawn(model: Model):
    one = Request((words(model, "a fox"),), "image", seed=1, sampling=SAMPLING)
    others = [replace(one, seed=2), replace(one, sampling=replace(SAMPLING, guidance=1.0)), replace(one, prompt=())]
    made = [generate(model, [request])[0][0].values for request in (one, *others)]
    assert all((made[0] - other).abs().max() > 1e-3 for other in made[1:])
    assert torch.equal(made[0], generate(model, [one])[0][0].values)


@pytest.mark.parametrize("kind", ["one by one", "in sets", "in blocks"])
def test_spherical_latents_are_on_the_sphere_when_they_are_read_and_when_they_are_returned(kind: str):
    model = tiny_model()
    image = model.modality("image")
    image.codec = SigmaVAE(SigmaVaeShape(patch=4, channels=CHANNELS, dim=16, n_layers=1, n_heads=2, noise="spherical"))
    image.codec.bias.fill_(0.3)
    image.codec.scale.fill_(1.7)
    if kind == "in sets":
        image.factorise = Masked(torch.zeros(CHANNELS))
    elif kind == "in blocks":
        image.factorise, image.head = NextBlock(CHANNELS, Noising(), size=2), Velocity(DIM, CHANNELS)
        torch.nn.init.normal_(image.head.out.weight)
    heard: Heard = []
    request = Request((words(model, "a fox"),), "image", seed=3, sampling=SAMPLING)
    made = run(model, [listening(program_of(model, request), heard)], [2])[0][0].values
    spans = [asked.span for asked, _ in heard if isinstance(asked, Commit | Append | Peek)]
    clean = [span for span in spans if span.modality == "image" and span.time is None]
    read = [span.values if span.masked is None else span.values[~span.masked] for span in clean]
    for latents in (made, *read):
        lengths = (latents / 1.7 - 0.3).norm(dim=-1)
        torch.testing.assert_close(lengths, torch.full_like(lengths, CHANNELS**0.5))
    assert len(torch.cat(read)) >= len(made) == 4


def test_a_text_without_a_limit_ends_after_as_many_tokens_as_a_row_of_training(model: Model):
    endless = scripted({0: words(model, "a").values.tolist()})
    endless.row_length = 90
    (made,) = generate(endless, [Request((picture(0),), "text")])[0]
    assert len(made) == 90
    (made,) = generate(endless, [Request((picture(0),), "text", sampling=Sampling(max_tokens=7))])[0]
    assert len(made) == 7


def test_text_ends_at_its_end_token_or_at_the_most_tokens():
    model = tiny_model()
    ids = words(model, "a red fox").values.tolist()
    prompt = (picture(0),)
    ended = scripted({0: [*ids, model.text.end]})
    made = generate(ended, [Request(prompt, "text", sampling=replace(SAMPLING, max_tokens=50))])[0]
    assert [segment.values.tolist() for segment in made] == [ids]
    endless = scripted({0: [ids[0]]})
    made = generate(endless, [Request(prompt, "text", sampling=replace(SAMPLING, max_tokens=5))])[0]
    assert made[0].values.tolist() == [ids[0]] * 5
    silent = scripted({0: [model.text.end]})
    made = generate(silent, [Request(prompt, "text", sampling=SAMPLING)])[0]
    assert len(made) == 1 and len(made[0]) == 0 and made[0].values.dtype == torch.long


def test_a_text_answer_holds_no_marks(model: Model):
    hot = replace(SAMPLING, text_temperature=100.0, max_tokens=60)
    made = generate(model, [Request((), "text", seed=seed, sampling=hot) for seed in range(24)])
    ids = torch.cat([answer[0].values for answer in made])
    marks = torch.tensor([model.text.begin, *model.mark("image")])
    assert len(ids) > 600 and not torch.isin(ids, marks).any()


# the model decides


def interleaved(model: Model, guidance: float) -> tuple[dict[int, list[int]], list[Request]]:
    opening, end, (a, b) = model.mark("image")[0], model.text.end, words(model, "ab").values.tolist()
    scripts = {
        1: [a, b, opening, a, opening, b, b, end],
        2: [opening, opening, a, end],
        3: [end],
        4: [a, opening, end],
    }
    how = replace(SAMPLING, guidance=guidance, max_tokens=20)
    return scripts, [Request((words(model, "a fox"),), None, seed=seed, sampling=how) for seed in scripts]


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_a_model_that_decides_alternates_text_and_pictures(model: Model, guidance: float):
    """The second picture's unconditional branch starts afresh: in the twin it is a document of its own."""
    scripts, requests = interleaved(model, guidance)
    made = generate(scripted(scripts), requests)
    kinds = [[segment.modality for segment in answer] for answer in made]
    assert kinds == [["text", "image", "text", "image", "text"], ["image", "image", "text"], [], ["text", "image"]]
    for answer, request in zip(made, requests, strict=True):
        assert_same(answer, slow(scripted(scripts), request))


def test_pictures_that_follow_each_other_for_ever_are_ended_by_the_most_tokens(model: Model):
    endless = scripted({0: [model.mark("image")[0]]})
    request = Request((), None, sampling=replace(SAMPLING, guidance=1.0, steps=1, max_tokens=3))
    assert [segment.modality for segment in generate(endless, [request])[0]] == ["image"] * 3


# many requests


@pytest.mark.parametrize("batch", [3, 64])
def test_a_batch_gives_each_request_what_it_would_get_alone(model: Model, batch: int):
    requests = mixed(model)
    told: list[int] = []
    together = generate(model, requests, progress=told.append, batch=batch)
    for made, request in zip(together, requests, strict=True):
        alone = generate(model, [request])[0]
        for one, other in zip(made, alone, strict=True):
            torch.testing.assert_close(one.values, other.values, atol=1e-5, rtol=1e-5)
    assert told == sorted(told) and told[-1] == len(requests)


def test_answers_come_in_the_order_of_the_requests_however_long_each_runs(model: Model):
    ids = words(model, "ab").values.tolist()
    lengths = [5, 0, 9, 2, 7, 1, 1, 12]
    scripts = {seed: [ids[seed % 2]] * n + [model.text.end] for seed, n in enumerate(lengths)}
    how = replace(SAMPLING, max_tokens=30)
    made = generate(scripted(scripts), [Request((), "text", seed=seed, sampling=how) for seed in scripts])
    assert [answer[0].values.tolist() for answer in made] == [[ids[i % 2]] * n for i, n in enumerate(lengths)]


def test_no_requests_give_no_answers(model: Model):
    assert generate(model, []) == []


# the verbs


def span(model: Model, text: str, start: int, *, whole: bool = False) -> Span:
    ids = model.text.encode(text)[0]
    return Span("text", ids, positions(len(ids), start), whole=whole)


def test_a_peek_is_answered_as_a_private_copy_and_then_not_seen(model: Model):
    first, peeked, second = (
        span(model, "a fox", 0),
        span(model, "red!", 9, whole=True),
        span(model, "blue", 9, whole=True),
    )

    def program(peeks: int) -> Program:
        heard = [(yield Commit(first))]
        for _ in range(peeks):
            heard.append((yield Peek(peeked)))
        heard.append((yield Commit(second)))
        return heard

    with_peeks, without = run(model, [program(2), program(0)], [1, 1])
    torch.testing.assert_close(with_peeks[-1], without[-1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(with_peeks[1], with_peeks[2], atol=1e-6, rtol=1e-6)
    doc = [first, replace(peeked, public=False), second]
    states = model.hidden(pack([doc], rows=1, length=sum(map(len, doc)))).states
    torch.testing.assert_close(torch.cat([with_peeks[0], *with_peeks[2:]], 1), states, atol=1e-5, rtol=1e-5)


def test_spans_peeked_at_together_see_what_is_committed_and_none_the_others(model: Model):
    first, last = span(model, "a fox", 0), span(model, "blue", 9, whole=True)
    one, other = span(model, "red!", 9, whole=True), span(model, "blue", 9)
    assert len(one) == len(other), "blocks of one length, one whole and one a block per token"

    def program(*peeked: tuple[Span, ...]) -> Program:
        yield Commit(first, (0,))
        yield Commit(last, (1,))
        told = []
        for some in peeked:
            told.append((yield Peek(some[0], some[1:])))
        told.append((yield Commit(last)))
        return told

    (together, after), (alone, also, unmoved) = run(model, [program((one, other)), program((one,), (other,))], [2, 2])
    assert together.shape == (4, len(one), DIM)
    expected = torch.stack([alone[0], also[0], alone[1], also[1]])  # the spans of a branch behind each other
    torch.testing.assert_close(together, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(after, unmoved, atol=1e-5, rtol=1e-5)


def test_appended_spans_wait_for_what_is_placed_next_and_share_its_forward(model: Model):
    first, second, third = span(model, "a fox", 0), span(model, "red!", 9, whole=True), span(model, "blue", 20)
    forwards = []
    watch = model.backbone.register_forward_pre_hook(lambda module, given: forwards.append(given[0].shape[1]))

    def program(place: type[Commit | Append]) -> Program:
        yield place(first)
        yield place(second, (1,))
        looked = yield Peek(third)
        yield place(second, (0,))
        told = yield Commit(third)
        yield Append(first)
        return looked, told

    appended = run(model, [program(Append)], [2])[0]
    assert forwards == [len(first) + len(second) + len(third), len(second) + len(third)], "the last one is never run"
    forwards.clear()
    committed = run(model, [program(Commit)], [2])[0]
    watch.remove()
    assert len(forwards) == 5
    for one, other in zip(appended, committed, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_what_waits_in_a_branch_is_forgotten_with_it(model: Model):
    first, last = span(model, "a fox", 0), span(model, "red", 20)

    def program() -> Program:
        yield Append(first)
        yield Forget((1,))
        return (yield Commit(last))

    (made,) = run(model, [program()], [2])
    for heard, doc in zip(made, ([first, last], [last]), strict=True):
        whole = model.hidden(pack([doc], rows=1, length=sum(map(len, doc)))).states[0]
        torch.testing.assert_close(heard, whole[-len(last) :], atol=1e-5, rtol=1e-5)


def test_branches_hold_what_was_placed_in_them_and_forget_when_told(model: Model):
    first, other, last = span(model, "a fox", 0), span(model, "blue", 3), span(model, "red", 20)

    def program() -> Program:
        yield Commit(first, (0,))
        yield Commit(other, (1,))
        before = yield Commit(last)
        yield Forget((1,))
        after = yield Commit(last)
        return before, after

    before, after = run(model, [program()], [2])[0]
    assert before.shape == (2, len(last), DIM)
    for made, doc in (
        (before[0], [first, last]),
        (before[1], [other, last]),
        (after[0], [first, last, last]),
        (after[1], [last]),
    ):
        whole = model.hidden(pack([doc], rows=1, length=sum(map(len, doc)))).states[0]
        torch.testing.assert_close(made, whole[-len(last) :], atol=1e-5, rtol=1e-5)


# errors


def test_an_unknown_modality_is_an_error(model: Model):
    with pytest.raises(DataError, match="no modality 'audio'"):
        generate(model, [Request((), "audio")])


def test_a_picture_of_unknown_size_is_an_error_that_says_what_to_do():
    model = tiny_model()
    model.modality("image").grid = ()
    with pytest.raises(DataError, match="no size is known for a generated image; say one in the request"):
        generate(model, [Request((), "image")])
