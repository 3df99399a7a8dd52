"""Coarse to fine: what trains a pyramid and what generates one are the same spans."""

import pytest
import torch

from motet.codecs.scales import Scales
from motet.diffusion.guidance import Guidance
from motet.errors import ConfigError, ShapeError
from motet.factorise.coarse_to_fine import CoarseToFine
from motet.factorise.factorisation import Wish
from motet.heads.regression import Regression, RegressionSampling
from motet.sequence import Append, Commit, Draw, Segment, Span

GRID, SIZES = (4, 2), [2, 8]
SCALES = Scales((2, 1))
NONE = Guidance()


def segment(n: int = 10, *, learn: bool = True) -> Segment:
    return Segment("image", torch.randn(n, 3, generator=torch.Generator().manual_seed(n)), GRID, learn)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def generated(scales: int, guidance: Guidance = NONE) -> tuple[list[Span], list[float], torch.Tensor]:
    """Committed spans, guidance scales of the draws, and the values returned; value i is the number i, three times."""
    head = Regression(5, 3)
    wish = Wish("image", GRID, 7, RegressionSampling(guidance), scales=scales)
    program = CoarseToFine(SCALES, (4.0, 1.0)).generate(wish, head, torch.zeros(1, 1, 5), rng())
    committed, strengths, reply = [], [], None
    while True:
        try:
            asked = program.send(reply)
        except StopIteration as end:
            return committed, strengths, end.value
        if isinstance(asked, Draw):
            assert float(asked.hidden[0, 0, 0]) == len(strengths), "each is drawn from the token before it"
            reply = torch.full((1, 3), float(len(strengths)))
            strengths.append(asked.how.guidance.scale)
        else:
            assert isinstance(asked, Commit | Append)
            committed.append(asked.span)
            reply = torch.full((1, 1, 5), float(len(committed)))


def test_a_learned_pyramid_is_one_causal_public_span_whose_errors_count_by_their_scale():
    values = segment()
    (span,) = CoarseToFine(SCALES, (4.0, 1.0)).arrange(values, 7, rng())
    assert not span.whole and span.public and span.masked is None
    assert torch.equal(span.pos, SCALES.positions(GRID, 7)) and torch.equal(span.values, values.values)
    assert span.predict is not None and span.predict.by == "previous"
    assert torch.equal(span.predict.value, values.values)
    assert span.predict.weight.tolist() == [4.0] * 2 + [1.0] * 8


def test_a_pyramid_that_is_only_read_predicts_nothing_and_may_end_after_any_scale():
    (span,) = CoarseToFine(SCALES, (4.0, 1.0), doubt=1.0).arrange(segment(2, learn=False), 7, rng())
    assert span.predict is None and span.masked is None
    assert torch.equal(span.pos, SCALES.positions(GRID, 7)[:2])
    with pytest.raises(ShapeError, match="5 tokens are no pyramid"):
        CoarseToFine(SCALES, (4.0, 1.0)).arrange(segment(5), 7, rng())


@pytest.mark.parametrize(("scales", "n"), [(0, 10), (1, 2), (2, 10)])
def test_generation_places_what_training_places_as_far_as_it_is_wished(scales: int, n: int):
    committed, _, values = generated(scales)
    assert values[:, 0].tolist() == list(range(n))
    (span,) = CoarseToFine(SCALES, (4.0, 1.0)).arrange(Segment("image", values, GRID), 7, rng())
    assert torch.equal(torch.cat([one.pos for one in committed]), span.pos)
    assert torch.equal(torch.cat([one.values for one in committed]), span.values)


def test_a_guidance_schedule_runs_along_the_tokens_that_are_generated():
    _, strengths, _ = generated(0, Guidance(10.0, "linear"))
    assert strengths == pytest.approx([1.0 + i for i in range(10)])


@pytest.mark.parametrize("scales", [-1, 3])
def test_scales_that_a_picture_does_not_have_are_refused(scales: int):
    with pytest.raises(ConfigError, match=f"scales={scales}, but a picture has 2"):
        generated(scales)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 0.0), (1.0, 2.0, 3.0)])
def test_every_scale_needs_one_positive_weight(weights: tuple[float, ...]):
    with pytest.raises(ConfigError, match="each scale one positive weight"):
        CoarseToFine(SCALES, weights)


def test_so_many_scales_have_so_many_tokens():
    order = CoarseToFine(SCALES, (4.0, 1.0))
    sizes = SCALES.sizes(GRID)
    assert [order.drawn(scales, GRID) for scales in (0, 1, 2)] == [sum(sizes), sizes[0], sum(sizes)]


def test_doubt_hides_part_of_what_is_learned_and_still_asks_for_all_of_it():
    hidden, draws = 0.0, torch.Generator().manual_seed(0)
    for _ in range(300):
        (span,) = CoarseToFine(SCALES, (4.0, 1.0), doubt=0.5).arrange(segment(), 7, draws)
        assert span.masked is not None and span.predict is not None and len(span.predict.at) == 10
        hidden += float(span.masked.float().mean()) / 300
    assert 0.2 < hidden < 0.3, "a share between 0 and doubt: a quarter on average"
