"""Random sets: what training hides, in what rounds sampling reveals, and that both place the same tokens."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from motet.errors import ConfigError
from motet.factorise.factorisation import Wish
from motet.factorise.masked import Masked, Masking, hidden_after
from motet.sequence import Append, Draw, Peek, Segment, Span
from support.counting_head import Counts, How

BLANK = torch.full((2,), -7.0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# training


def test_a_learnt_picture_is_one_block_whose_hidden_tokens_predict_themselves():
    values = torch.randn(12, 2)
    (span,) = Masked(BLANK).arrange(Segment("image", values, (3, 4)), 5, rng())
    assert span.whole and span.public and span.time is None
    assert span.pos.tolist() == [[5 + i, 0, i // 4, i % 4] for i in range(12)]
    hidden = span.masked.nonzero()[:, 0]
    assert span.predict.by == "self" and torch.equal(span.predict.at, hidden)
    assert torch.equal(span.predict.value, values[hidden]) and span.predict.weight.tolist() == [1.0] * len(hidden)
    assert torch.equal(span.values[~span.masked], values[~span.masked])
    assert (span.values[span.masked] == BLANK).all(), "the span itself must not hold what it predicts"


def test_codes_are_hidden_as_latents_are():
    codes = torch.arange(1, 9)
    (span,) = Masked(torch.tensor(0)).arrange(Segment("image", codes, (2, 4)), 0, rng())
    assert span.values.dtype == torch.long and (span.values[span.masked] == 0).all()
    assert torch.equal(span.predict.value, codes[span.masked])


def test_a_picture_that_is_only_read_shows_all_and_predicts_nothing():
    values = torch.randn(4, 2)
    (span,) = Masked(BLANK).arrange(Segment("image", values, (2, 2), learn=False), 0, rng())
    assert span.whole and span.public and span.masked is None and span.predict is None
    assert torch.equal(span.values, values)


def test_every_token_is_hidden_equally_often_and_counts_are_rounded_up():
    segment, times = Segment("image", torch.zeros(10, 2), (2, 5)), torch.zeros(10)
    masked, draws, ratios = Masked(BLANK), rng(1), rng(1)
    for _ in range(400):
        (span,) = masked.arrange(segment, 0, draws)
        assert int(span.masked.sum()) == math.ceil(10 * masked.masking.share(ratios))
        torch.randperm(10, generator=ratios)  # keeps the second generator in step
        times += span.masked
    expected = float(times.mean())
    assert (times - expected).abs().max() < 4 * (400 * 0.9 * 0.1) ** 0.5


def test_several_draws_are_private_copies_each_with_a_hidden_set_of_its_own():
    values = torch.randn(10, 2)
    spans = Masked(BLANK, masking=Masking(0.5, 0.5, draws=4)).arrange(Segment("image", values, (2, 5)), 3, rng(1))
    assert [span.public for span in spans] == [False, False, False, True]
    sets = []
    for span in spans:
        assert span.masked is not None and span.predict is not None and torch.equal(span.pos, spans[0].pos)
        at = span.masked.nonzero()[:, 0]
        assert torch.equal(span.predict.at, at) and torch.equal(span.predict.value, values[at])
        assert torch.equal(span.values[~span.masked], values[~span.masked])
        sets.append(tuple(at.tolist()))
    assert len(set(sets)) == 4
    with pytest.raises(ConfigError, match="draws is 0"):
        Masking(draws=0)


@pytest.mark.parametrize("ratio", [Masking(), Masking(0.2, 0.9, mean=0.5, std=0.1), Masking(0.5, 0.7, mean=0.1)])
def test_ratios_are_those_of_a_normal_from_which_what_lies_outside_is_thrown_away(ratio: Masking):
    draws = rng(2)
    drawn = torch.tensor([ratio.share(draws) for _ in range(8000)]).sort().values
    normal = ratio.mean + ratio.std * torch.randn(3_000_000, generator=rng(3))
    kept = normal[(normal >= ratio.least) & (normal <= ratio.most)][:100_000].sort().values
    assert len(kept) > 15_000 and ratio.least <= drawn[0] and drawn[-1] <= ratio.most
    steps = torch.linspace(0.02, 0.98, 49)
    distance = (drawn.quantile(steps) - kept.quantile(steps)).abs().max()
    assert distance < 0.02 * (ratio.most - ratio.least) + 0.003
    assert abs(drawn.mean() - kept.mean()) < 0.004 and abs(drawn.std() / kept.std() - 1) < 0.03


def test_an_interval_of_one_point_is_that_point():
    assert Masking(0.8, 0.8).share(rng()) == 0.8


@pytest.mark.parametrize("wrong", [{"least": 0.0}, {"least": 0.9, "most": 0.8}, {"most": 1.1}, {"std": 0.0}])
def test_ratios_that_cannot_be_drawn_are_refused(wrong: dict[str, float]):
    with pytest.raises(ConfigError, match="mask ratios"):
        Masking(**wrong)


# sampling


def slow_rounds(n: int, rounds: int) -> list[int]:
    """MAR's loop as it is published, over masks: the set that stays hidden after each round."""
    order, hidden, counts = list(range(n)), set(range(n)), []
    for step in range(rounds):
        length = math.floor(n * math.cos(math.pi / 2.0 * (step + 1) / rounds))
        length = max(1, min(len(hidden) - 1, length))
        then = set(order[:length])
        predicted = hidden if step >= rounds - 1 else hidden - then
        hidden = hidden - predicted
        counts.append(len(hidden))
    return counts


def test_rounds_follow_the_cosine_of_the_papers_loop():
    for n in (1, 2, 3, 7, 16, 36, 64, 100):
        for rounds in range(1, n + 1):
            counts = hidden_after(n, rounds)
            assert counts == slow_rounds(n, rounds)
            assert len(counts) == rounds and counts[-1] == 0
            assert all(before > after for before, after in pairwise([n, *counts])), "each round reveals something"
    assert hidden_after(64, 8) == [62, 59, 53, 45, 35, 24, 12, 0]


def test_more_rounds_than_tokens_are_one_token_a_round():
    assert hidden_after(5, 64) == hidden_after(5, 5) == [4, 3, 2, 1, 0]


def test_no_round_is_refused():
    with pytest.raises(ConfigError, match="rounds is 0"):
        hidden_after(4, 0)


def played(seed: int, rounds: int) -> tuple[list[Span], list[Draw], Span, Tensor]:
    """What a program for 3 x 4 tokens peeks at, draws and commits. The state of token i is i; drawn values count up."""
    program = Masked(BLANK).generate(Wish("image", (3, 4), 5, How(), rounds), Counts(), torch.zeros(2, 1, 1), rng(seed))
    peeked, drawn, asked = [], [], next(program)
    while isinstance(asked, Peek):
        peeked.append(asked.span)
        asked = program.send(torch.arange(12.0).view(1, 12, 1).expand(2, 12, 1))
        assert isinstance(asked, Draw) and asked.modality == "image" and len(asked.noise) == asked.hidden.shape[1]
        drawn.append(asked)
        where = asked.hidden[0]
        asked = program.send(torch.cat([where, torch.full_like(where, float(len(drawn)))], 1))
    assert isinstance(asked, Append) and asked.branches is None
    try:
        program.send(torch.zeros(2, 12, 1))
    except StopIteration as end:
        return peeked, drawn, asked.span, end.value
    raise AssertionError("the program ends with its commit")


def test_generation_reveals_random_sets_and_commits_what_it_drew_where_it_looked():
    peeked, drawn, committed, made = played(seed=0, rounds=4)
    left = [12, *hidden_after(12, 4)]
    assert [int(span.masked.sum()) for span in peeked] == left[:-1]
    for number, (span, draw) in enumerate(zip(peeked, drawn, strict=True)):
        at = draw.hidden[0, :, 0].long()
        assert span.masked[at].all() and len(at) == left[number] - left[number + 1]
        then = peeked[number + 1].masked if number < 3 else torch.zeros(12, dtype=torch.bool)
        assert torch.equal(span.masked & ~then, torch.zeros(12, dtype=torch.bool).index_fill(0, at, True))
        assert (span.values[span.masked] == BLANK).all(), "nothing is shown of what is not drawn"
        assert torch.equal(span.values[~span.masked], made[~span.masked])
        assert (made[at, 1] == number + 1).all()
        assert draw.noise.tolist() == [[number + 1.0]] * len(at)
    assert torch.equal(made[:, 0], torch.arange(12.0)), "each value stands at the token that it was drawn for"
    assert torch.equal(committed.values, made) and committed.masked is None and committed.whole


def test_generation_places_tokens_as_training_does():
    peeked, _, committed, made = played(seed=0, rounds=4)
    (trained,) = Masked(BLANK).arrange(Segment("image", made, (3, 4)), 5, rng())
    for span in (*peeked, committed):
        assert torch.equal(span.pos, trained.pos) and span.whole == trained.whole


def test_guidance_grows_with_the_tokens_that_show_behind_a_round():
    _, drawn, _, _ = played(seed=0, rounds=4)
    hidden = [*hidden_after(12, 4)[:-1], 1]  # the published loop counts one in its last round
    assert [draw.how.guidance.scale for draw in drawn] == pytest.approx([1 + 2 * (12 - h) / 12 for h in hidden])


def test_the_order_is_the_requests_own():
    first = [played(seed, rounds=12)[1][0].hidden[0, 0, 0].item() for seed in (0, 0, *range(1, 9))]
    assert first[0] == first[1] and len(set(first)) > 3
