"""The unified model: documents laid out, leaks, packing, and the joint loss."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.text import TextCodec
from motet.embed.embed import Tokens
from motet.embed.lookup import Lookup
from motet.embed.project import Project
from motet.errors import DataError
from motet.factorise.next_token import NextToken
from motet.heads.categorical import Categorical
from motet.heads.diffusion import Diffusion, DiffusionShape
from motet.model import Modality, Model
from motet.nn.backbone import Backbone, TransformerShape
from motet.sequence import Packed, Segment, Span, pack
from support.random_weights import randomise

CHANNELS, DIM = 4, 24


def tiny_model(noise: str = "fixed") -> Model:
    """Text and pictures of 2 x 2 latents, with random weights everywhere: a fresh model's blocks add nothing."""
    text = TextCodec.learn(["a red fox", "a blue fox"], 300, ["image"])
    shape = TransformerShape(
        dim=DIM, n_layers=2, n_heads=4, n_kv_heads=2, ffn_dim=32, rope_axes=(2, 0, 2, 2), qk_norm=True
    )
    codec = SigmaVaeShape(patch=4, channels=CHANNELS, dim=16, n_layers=1, n_heads=2, noise=noise)
    head = DiffusionShape(width=16, n_layers=1, ffn_dim=24, draws=2)
    model = Model(
        Backbone.plain(shape),
        {
            "text": Modality(
                codec=text,
                embed=Lookup(text.vocab_size, DIM),
                factorise=NextToken(),
                head=Categorical(DIM, text.vocab_size),
                weight=0.5,
            ),
            "image": Modality(
                codec=SigmaVAE(codec),
                embed=Project(CHANNELS, DIM),
                factorise=NextToken(),
                head=Diffusion(DIM, CHANNELS, head),
                weight=2.0,
                size=(8, 8),
                grid=(2, 2),
            ),
        },
    ).requires_grad_(False)
    return randomise(model, torch.Generator().manual_seed(8), spread=0.3)


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny_model()


def words(model: Model, text: str, *, learn: bool = True) -> Segment:
    return Segment("text", model.text.encode(text)[0], learn=learn)


def picture(seed: int, *, learn: bool = True, grid: tuple[int, int] = (2, 2)) -> Segment:
    rng = torch.Generator().manual_seed(seed)
    return Segment("image", torch.randn(grid[0] * grid[1], CHANNELS, generator=rng), grid, learn)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ids_of(spans: list[Span]) -> list[object]:
    """Ids of the text spans, and the name of each other span."""
    return [span.values.tolist() if span.modality == "text" else span.modality for span in spans]


# layouts


def test_a_text_then_its_picture_is_laid_out_between_marks(model: Model):
    text = words(model, "a red fox")
    begin, end, (opens, closes) = model.text.begin, model.text.end, model.mark("image")
    spans = model.arrange([text, picture(0)], rng())
    n = len(text)
    assert ids_of(spans) == [[begin, *text.values.tolist(), opens], "image", [closes, end]]
    index = torch.cat([span.pos[:, 0] for span in spans]).tolist()
    assert index == list(range(n + 8))
    assert spans[1].pos[:, 1:].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]]
    assert spans[0].predict.value.tolist() == [*text.values.tolist(), opens], "all but the begin token is predicted"
    assert spans[2].predict.value.tolist() == [end], "the close token is certain, the end is not"
    assert torch.equal(spans[1].predict.value, spans[1].values), "input and target are the same draw"


def test_a_picture_then_its_text_is_laid_out_between_marks(model: Model):
    text = words(model, "a red fox")
    begin, end, (opens, closes) = model.text.begin, model.text.end, model.mark("image")
    spans = model.arrange([picture(0), text], rng())
    assert ids_of(spans) == [[begin, opens], "image", [closes, *text.values.tolist(), end]]
    assert spans[0].predict.value.tolist() == [opens]
    assert spans[2].predict.value.tolist() == [*text.values.tolist(), end]
    assert torch.cat([span.pos[:, 0] for span in spans]).tolist() == list(range(len(text) + 8))


def test_pictures_side_by_side_keep_marks_of_their_own(model: Model):
    begin, end, (opens, closes) = model.text.begin, model.text.end, model.mark("image")
    spans = model.arrange([picture(0), picture(1)], rng())
    assert ids_of(spans) == [[begin, opens], "image", [closes, opens], "image", [closes, end]]


def test_what_is_only_read_is_not_predicted(model: Model):
    text = words(model, "a red fox")
    spans = model.arrange([picture(0, learn=False), text], rng())
    assert spans[0].predict is None and spans[1].predict is None
    assert spans[2].predict.value.tolist() == [*text.values.tolist(), model.text.end]


def test_latents_are_drawn_anew_with_the_noise_of_the_codec(model: Model):
    one, same, other = (model.arrange([picture(0)], rng(seed))[1].values for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert (one - picture(0).values).abs().max() < 2.0


@pytest.mark.parametrize("noise", ["fixed", "learned"])
def test_a_prompt_stays_open_predicts_nothing_and_reads_means(noise: str):
    model = tiny_model(noise)
    encoded = Segment("image", model.modality("image").codec.encode_pixels(torch.randn(1, 3, 8, 8).tanh())[0], (2, 2))
    spans = model.prompt([words(model, "a fox"), encoded])
    assert all(span.predict is None for span in spans)
    assert ids_of(spans)[-1] == [model.mark("image")[1]]
    assert torch.equal(spans[1].values, encoded.values[:, :CHANNELS])
    assert ids_of(model.prompt([])) == [[model.text.begin]]


def test_a_prompt_is_the_beginning_of_the_training_document():
    model = tiny_model("none")
    segments = [words(model, "a red fox"), picture(0), words(model, "a")]
    prompt, document = model.prompt(segments), model.arrange(segments, rng())
    for early, late in zip(prompt, document, strict=True):
        assert torch.equal(early.pos, late.pos[: len(early)])
        assert torch.allclose(early.values.float(), late.values[: len(early)].float(), atol=1e-6)
    assert len(document[-1]) == len(prompt[-1]) + 1


def test_an_unknown_modality_is_an_error_that_lists_the_known_ones(model: Model):
    with pytest.raises(DataError, match="no modality 'audio'; it has: text, image"):
        model.arrange([Segment("audio", torch.zeros(3, 2))], rng())


# dropping the condition


def test_without_its_condition_a_picture_keeps_its_positions_behind_begin_and_open(model: Model):
    spans = model.arrange([words(model, "a red fox"), picture(0), words(model, "a fox"), picture(1)], rng())
    for chosen in (1, 3):
        dropped = model.without_condition(spans, chosen)
        begin, opening = dropped[0], dropped[1]
        assert begin.values.tolist() == [model.text.begin] and begin.pos[0, 0] == 0 and begin.predict is None
        assert opening.values.tolist() == [model.mark("image")[0]] and opening.predict is None
        assert int(opening.pos[0, 0]) == int(spans[chosen].pos[0, 0]) - 1
        assert dropped[2:] == spans[chosen:]


def test_conditions_are_dropped_in_the_share_asked_evenly_over_the_pictures(model: Model):
    spans = model.arrange([words(model, "a red fox"), picture(0), words(model, "a fox"), picture(1)], rng())
    draws = rng(5)
    kept = [model.drop_condition(spans, 0.2, draws) for _ in range(3_000)]
    first = sum(some[2] is spans[1] for some in kept) / 3_000
    second = sum(some[2] is spans[3] for some in kept) / 3_000
    assert first == pytest.approx(0.1, abs=0.02) and second == pytest.approx(0.1, abs=0.02)
    assert all(model.drop_condition(spans, 0.0, draws) is spans for _ in range(100))
    assert all(model.drop_condition(spans, 1.0, draws) is not spans for _ in range(100))


def test_a_document_that_generates_no_picture_keeps_its_condition(model: Model):
    spans = model.arrange([picture(0, learn=False), words(model, "a fox")], rng())
    assert model.drop_condition(spans, 1.0, rng()) is spans


# the forward pass


def documents(model: Model) -> list[list[Span]]:
    made = [
        [words(model, "a red fox"), picture(0)],
        [picture(1), words(model, "a blue fox")],
        [words(model, "fox")],
        [words(model, "a"), picture(2), words(model, "or"), picture(3), words(model, "?")],
    ]
    return [model.arrange(segments, rng(i)) for i, segments in enumerate(made)]


def states_by_document(model: Model, batch: Packed) -> list[Tensor]:
    states = model.hidden(batch).states.flatten(0, 1)
    return [states[batch.tags.doc.flatten() == number] for number in range(batch.n_docs)]


def test_a_document_has_the_same_states_whatever_shares_its_row_and_batch(model: Model):
    docs = documents(model)
    alone = [states_by_document(model, pack([doc], rows=1, length=sum(map(len, doc))))[0] for doc in docs]
    total = sum(sum(map(len, doc)) for doc in docs)
    for rows, length in ((1, total), (1, total + 9), (3, 40), (5, 64)):
        for made, expected in zip(states_by_document(model, pack(docs, rows=rows, length=length)), alone, strict=True):
            torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)


def test_packed_predictions_are_those_of_each_document_alone(model: Model):
    docs = documents(model)

    def predictions(some: list[list[Span]], rows: int, length: int) -> dict[str, list[tuple[Tensor, Tensor]]]:
        batch = pack(some, rows=rows, length=length)
        flat = model.hidden(batch).states.flatten(0, 1)
        return {name: list(zip(flat[t.at], t.value, strict=True)) for name, t in batch.target.items()}

    packed = predictions(docs, 2, 64)
    for name in ("text", "image"):
        alone = [pair for doc in docs for pair in predictions([doc], 1, 64).get(name, [])]
        assert len(alone) == len(packed[name])
        for (state, value), (expected, truth) in zip(packed[name], alone, strict=True):
            torch.testing.assert_close(state, expected, atol=1e-4, rtol=1e-4)
            assert torch.equal(value, truth)


@pytest.mark.parametrize("which", range(4))
def test_changing_a_token_moves_no_prediction_of_it_or_of_anything_before_it(model: Model, which: int):
    docs = documents(model)
    batch = pack([docs[which]], rows=1, length=32)
    states = model.hidden(batch).states[0]
    n = batch.n_tokens
    for name, place in batch.place.items():
        for i, token in enumerate(place.tolist()):
            values = batch.values[name].clone()
            values[i] = (values[i] + 1) % 250 if name == "text" else values[i] + 3.0
            moved = model.hidden(replace(batch, values=batch.values | {name: values})).states[0]
            difference = (moved - states).abs().amax(-1)
            assert not difference[:token].any(), "nothing before a token may know of it"
            assert difference[token:n].min() > 0, "all behind it must"
    for target in batch.target.values():
        assert target.at.max() < n - 1
    predicted = sorted((at + 1, name) for name, t in batch.target.items() for at in t.at.tolist())
    owners = {at: name for name, place in batch.place.items() for at in place.tolist()}
    assert all(owners[at] == name for at, name in predicted), "a target stands right behind its predictor"


def test_the_embedding_puts_every_value_at_its_place(model: Model):
    batch = pack(documents(model), rows=2, length=40)
    x = model.embed(batch).flatten(0, 1)
    for name, place in batch.place.items():
        pos, time = batch.pos.flatten(0, 1)[place], batch.time.flatten()[place]
        doc = batch.tags.doc.flatten()[place]
        tokens = Tokens(batch.values[name], pos, time, batch.masked[name], doc)
        torch.testing.assert_close(x[place], model.modality(name).embed(tokens))
    assert not x[batch.tags.doc.flatten() == -1].any()


# the loss


def test_the_total_is_the_weighted_sum_of_each_modalitys_mean(model: Model):
    batch = pack(documents(model), rows=2, length=40)
    loss = model.loss(batch, rng(3))
    flat, draws = model.hidden(batch).states.flatten(0, 1), rng(3)
    expected = {}
    for name in batch.target:
        losses = model.modality(name).head.loss(flat[batch.target[name].at], batch.target[name].value, draws)
        expected[name] = float(sum(losses.tolist()) / len(losses))
    assert {name: float(value) for name, value in loss.parts.items()} == pytest.approx(expected, rel=1e-5)
    assert float(loss.total) == pytest.approx(0.5 * expected["text"] + 2.0 * expected["image"], rel=1e-5)


def test_weights_of_0_leave_a_prediction_out_and_double_weights_count_twice(model: Model):
    batch = pack(documents(model), rows=2, length=40)
    target = batch.target["text"]
    weight = torch.ones(len(target.at))
    weight[0], weight[1] = 0.0, 2.0
    batch = replace(batch, target={"text": replace(target, weight=weight)})
    flat = model.hidden(batch).states.flatten(0, 1)
    losses = model.modality("text").head.loss(flat[target.at], target.value, rng())
    expected = (2 * losses[1] + losses[2:].sum()) / len(losses)
    assert float(model.loss(batch, rng()).parts["text"]) == pytest.approx(float(expected), rel=1e-5)


def test_a_batch_in_which_nothing_is_predicted_is_refused(model: Model):
    spans = model.arrange([words(model, "a red fox", learn=False), picture(0, learn=False)], rng())
    batch = pack([spans], rows=1, length=sum(len(span) for span in spans))
    with pytest.raises(DataError, match="1 documents of a batch have nothing to learn"):
        model.loss(batch, rng())


def test_joint_training_learns_all_but_the_codecs(model: Model):
    learned = {id(p) for part in model.learned() for p in part.parameters()}
    codecs = {id(p) for name in model.modalities for p in model.modality(name).codec.parameters()}
    assert learned | codecs == {id(p) for p in model.parameters()} and not learned & codecs
