"""Conditions of noised tokens, and the blocks that they modulate, against a slow twin that knows each token's time."""

import pytest
import torch
from torch import Tensor

from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.cache import Cache
from motet.nn.condition import Conditioning, LabelVector, TimeVector, runs_of
from motet.nn.modulated import Modulated
from motet.sequence import NO_LABEL, Labels, Tags, positions
from support.random_weights import randomise

DIM = 16
SHAPE = TransformerShape(dim=DIM, n_layers=2, n_heads=2, ffn_dim=24, qk_norm=True)
CLEAN = torch.nan


class Waves(TimeVector):
    """Cosines of a time."""

    def forward(self, time: Tensor) -> Tensor:
        return (time[..., None] * torch.arange(1.0, DIM + 1)).cos()


@pytest.fixture
def backbone() -> Backbone:
    made = Backbone(
        [Modulated(block) for block in SHAPE.blocks()],
        dim=DIM,
        rope=SHAPE.rope(),
        conditioning=Conditioning(Waves(), DIM),
    ).requires_grad_(False)
    return randomise(made, torch.Generator().manual_seed(5), spread=0.3)


def tags_of(block: list[int], private: list[int]) -> Tags:
    doc = torch.zeros(1, len(block), dtype=torch.long)
    return Tags(doc, torch.tensor([block]), torch.tensor([[number not in private for number in block]]))


def test_tokens_of_one_time_share_one_condition_and_clean_tokens_have_none():
    time = torch.tensor([[CLEAN, 0.2, 0.2, 0.7, CLEAN, 0.7, 0.1], [0.0, 0.0, CLEAN, CLEAN, CLEAN, CLEAN, CLEAN]])
    runs = runs_of(time)
    assert runs is not None and runs.time.shape == (2, 4)
    assert runs.of.sum(-1).equal((~time.isnan()).float())
    back = (runs.of @ runs.time[..., None])[..., 0]
    assert torch.equal(back[~time.isnan()], time[~time.isnan()]), "time 0 is a time too"
    assert runs.time[0].tolist() == pytest.approx([0.2, 0.7, 0.7, 0.1])


def test_neighbours_of_one_time_and_different_labels_are_told_apart():
    time = torch.tensor([[0.2, 0.2, 0.2, 0.2, CLEAN, 0.2]])
    runs = runs_of(time, torch.tensor([[4, 4, NO_LABEL, 0, 0, 0]]))
    assert runs is not None
    assert runs.label.tolist() == [[4, NO_LABEL, 0, 0]] and runs.time[0].tolist() == pytest.approx([0.2] * 4)
    assert runs.of[0].argmax(-1).tolist() == [0, 0, 1, 2, 0, 3] and not runs.of[0, 4].any()


class Sums(LabelVector):
    """The sum of a label's ids in every channel; no text counts as 100."""

    def forward(self, ids: Tensor) -> Tensor:
        there = ids != NO_LABEL
        known = torch.where(there.any(1), (ids * there).sum(1), 100)
        return known[:, None].expand(-1, DIM).float()


def test_the_condition_of_a_token_is_the_vector_of_its_time_and_that_of_its_label():
    conditioning = Conditioning(Waves(), DIM, Sums())
    time = torch.tensor([[0.3, 0.3, 0.3, CLEAN], [0.7, CLEAN, CLEAN, CLEAN]])
    labels = Labels(torch.tensor([[1, 2], [5, NO_LABEL]]), torch.tensor([[1, 0, NO_LABEL, 1], [0, 0, 0, 0]]))
    for given, expected in ((labels, [5.0, 3.0, 100.0, 3.0]), (None, [100.0, 100.0, 100.0, 100.0])):
        made = conditioning.condition(time, given)
        assert made is not None
        at = made.spread(made.vectors)
        known = torch.stack([*(at[0, :3] - Waves()(torch.tensor(0.3))), at[1, 0] - Waves()(torch.tensor(0.7))])
        torch.testing.assert_close(known, torch.tensor(expected)[:, None].expand(-1, DIM), atol=1e-4, rtol=0)
        assert not at[0, 3].any() and not at[1, 1:].any(), "clean tokens have no condition, whatever their label"


def test_the_room_for_conditions_is_a_power_of_two_from_four_on():
    for runs, width in ((1, 4), (3, 4), (4, 4), (5, 8), (8, 8), (9, 16)):
        found = runs_of(torch.linspace(0, 1, runs)[None])
        assert found is not None and found.time.shape == (1, width)


def test_a_batch_without_noised_tokens_has_no_condition():
    assert runs_of(torch.full((2, 5), CLEAN)) is None


def test_a_modulated_block_is_the_formula_token_by_token(backbone: Backbone):
    """x + (1 + gate) f(norm(x) (1 + scale) + shift), each token modulated by its own time."""
    block, (x, tags) = backbone.blocks[0], (torch.randn(1, 5, DIM), tags_of([0, 1, 1, 2, 3], [1]))
    time = torch.tensor([[CLEAN, 0.3, 0.3, CLEAN, 0.9]])
    whole = Backbone([block], dim=DIM, rope=SHAPE.rope(), conditioning=backbone.conditioning)
    whole.norm = torch.nn.Identity()
    whole.conditioning = Unchanged(backbone.conditioning)
    made, _ = whole(x, tags, positions(5, 0)[None], time=time)

    vectors = torch.zeros(1, 5, 6 * DIM)
    for token in range(5):
        if not time[0, token].isnan():
            vectors[0, token] = block.modulation.linear(torch.nn.functional.silu(Waves()(time[0, token])))
    shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = vectors.chunk(6, -1)
    inner = block.inner
    ctx = context(backbone, tags)
    expected = x + (1 + gate) * inner.attention(inner.attention_norm(x) * (1 + scale) + shift, ctx)
    expected = expected + (1 + ffn_gate) * inner.ffn(inner.ffn_norm(expected) * (1 + ffn_scale) + ffn_shift)
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=1e-5)


class Unchanged(Conditioning):
    """The condition without the last norm's modulation, so that a block can be looked at alone."""

    def __init__(self, of: Conditioning):
        super().__init__(of.time, DIM)

    def normed(self, norm, x, condition):
        return norm(x)


def context(backbone: Backbone, tags: Tags):
    from motet.nn.attention import Context
    from motet.nn.backend import choose_backend

    backend = choose_backend("reference", torch.device("cpu"), grad=False, row_length=5)
    return Context(backend, backend.mask(tags, tags), backbone.rope(positions(5, 0)[None]))


def test_time_moves_noised_tokens_and_no_clean_one_that_does_not_see_them(backbone: Backbone):
    x, tags = torch.randn(1, 6, DIM), tags_of([0, 1, 1, 2, 2, 3], [1])

    def at(time: float) -> Tensor:
        times = torch.tensor([[CLEAN, time, time, CLEAN, CLEAN, CLEAN]])
        return backbone(x, tags, positions(6, 0)[None], time=times)[0][0]

    moved = (at(0.1) - at(0.8)).abs().amax(-1)
    assert (moved[[1, 2]] > 1e-3).all() and not moved[[0, 3, 4, 5]].any()


def test_clean_tokens_are_those_of_a_backbone_that_knows_no_time(backbone: Backbone):
    x, tags, pos = torch.randn(1, 4, DIM), tags_of([0, 1, 1, 2], []), positions(4, 0)[None]
    plain = Backbone([block.inner for block in backbone.blocks], dim=DIM, rope=SHAPE.rope())
    plain.norm = backbone.norm
    assert torch.equal(backbone(x, tags, pos, time=torch.full((1, 4), CLEAN))[0], plain(x, tags, pos)[0])


def test_a_fresh_modulated_backbone_is_the_same_at_every_time_and_its_modulation_learns_at_once():
    made = Backbone(
        [Modulated(block) for block in SHAPE.blocks()],
        dim=DIM,
        rope=SHAPE.rope(),
        conditioning=Conditioning(Waves(), DIM),
    )
    x, tags, pos = torch.randn(1, 3, DIM), tags_of([0, 0, 0], []), positions(3, 0)[None]
    one, other = (made(x, tags, pos, time=torch.full((1, 3), t))[0] for t in (0.1, 0.9))
    assert torch.equal(one, other)
    (one * torch.randn(1, 3, DIM)).sum().backward()
    assert made.blocks[0].inner.attention.out.weight.grad.abs().max() > 0
    assert made.conditioning.last.linear.weight.grad.abs().max() > 0


def test_a_cached_peek_at_some_time_is_what_the_whole_row_shows(backbone: Backbone):
    x, tags, pos = torch.randn(1, 6, DIM), tags_of([0, 1, 2, 2, 3, 3], [2]), positions(6, 0)[None]
    time = torch.tensor([[CLEAN, CLEAN, 0.4, 0.4, CLEAN, CLEAN]])
    expected = backbone(x, tags, pos, time=time)[0]
    cache = Cache(1)
    for start, stop, kept in ((0, 2, 2), (2, 4, 0), (4, 6, 2)):
        part = slice(start, stop)
        states = backbone(x[:, part], tags[:, part], pos[:, part], cache, time=time[:, part])[0]
        cache.close([kept])
        torch.testing.assert_close(states, expected[:, part], atol=1e-5, rtol=1e-5)
