"""Next-token factorisation: what trains a segment and what generates one are the same spans."""

import torch

from motet.factorise.factorisation import Wish
from motet.factorise.next_token import NextToken
from motet.sequence import Append, Commit, Draw, Segment
from support.counting_head import Counts, How


def test_a_learnt_segment_is_one_causal_public_span_that_is_predicted_whole():
    values = torch.randn(6, 2)
    spans = NextToken().arrange(Segment("image", values, (2, 3)), 5, torch.Generator())
    assert len(spans) == 1 and not spans[0].whole and spans[0].public and spans[0].time is None
    assert spans[0].pos.tolist() == [[5 + i, 0, i // 3, i % 3] for i in range(6)]
    assert spans[0].predict.at.tolist() == list(range(6)) and spans[0].predict.by == "previous"
    assert torch.equal(spans[0].predict.value, values) and spans[0].predict.weight.tolist() == [1.0] * 6


def test_a_segment_that_is_only_read_predicts_nothing():
    assert (
        NextToken().arrange(Segment("image", torch.randn(4, 2), (2, 2), False), 0, torch.Generator())[0].predict is None
    )


def test_generation_draws_and_commits_in_turn_at_the_positions_of_training():
    n, start = 6, 5
    hidden = torch.zeros(2, 1, 3)
    program = NextToken().generate(Wish("image", (2, 3), start, How()), Counts(), hidden, torch.Generator())
    drawn, committed, asked = [], [], next(program)
    for i in range(n):
        assert isinstance(asked, Draw) and asked.modality == "image"
        assert asked.hidden is hidden and asked.noise.tolist() == [[i + 1.0]]
        assert asked.how.guidance.scale == 1 + 2 * i / (n - 1), "the schedule runs along the span"
        drawn.append(torch.full((1, 2), float(i)))
        asked = program.send(drawn[-1])
        assert isinstance(asked, Commit | Append) and asked.branches is None and asked.span.values is drawn[-1]
        committed.append(asked.span)
        hidden = torch.full((2, 1, 3), float(i))
        try:
            asked = program.send(hidden)
        except StopIteration as end:
            assert i == n - 1 and torch.equal(end.value, torch.cat(drawn))
    trained = NextToken().arrange(Segment("image", torch.cat(drawn), (2, 3)), start, torch.Generator())[0]
    assert torch.equal(torch.cat([span.pos for span in committed]), trained.pos)


def test_a_single_token_is_drawn_with_the_start_of_a_linear_schedule():
    program = NextToken().generate(Wish("image", (1, 1), 0, How()), Counts(), torch.zeros(1, 1, 3), torch.Generator())
    assert next(program).how.guidance.scale == 1.0


def test_doubt_hides_a_share_of_learnt_tokens_that_differs_from_segment_to_segment():
    rng, arranged = torch.Generator().manual_seed(0), NextToken(doubt=0.8)
    shares = []
    for _ in range(300):
        (span,) = arranged.arrange(Segment("image", torch.zeros(64, 2), (8, 8)), 1, rng)
        assert span.masked is not None and span.predict is not None and len(span.predict.at) == 64
        shares.append(float(span.masked.float().mean()))
    assert abs(sum(shares) / len(shares) - 0.4) < 0.05
    assert min(shares) < 0.1 and 0.65 < max(shares) < 0.95


def test_doubt_leaves_alone_what_is_only_read():
    segment = Segment("image", torch.zeros(64, 2), (8, 8), learn=False)
    (span,) = NextToken(doubt=1.0).arrange(segment, 1, torch.Generator())
    assert span.masked is None
