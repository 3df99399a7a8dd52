"""The codebook against slow, obvious twins: nearest codes, moving averages, revival, k-means, usage."""

from math import exp, log

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from motet.codecs.codebook import REVIVED, Codebook


def unit(*shape: int, seed: int = 1) -> Tensor:
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def clusters(k: int, each: int, *, spread: float = 0.02) -> tuple[Tensor, Tensor]:
    """k far-apart directions in 3 k dimensions, and vectors about them in a shuffled order."""
    centres = torch.eye(3 * k)[:k]
    noise = torch.randn(each * k, 3 * k, generator=torch.Generator().manual_seed(2)) * spread
    order = torch.randperm(each * k, generator=torch.Generator().manual_seed(3))
    return centres, normalize(centres.repeat(each, 1) + noise, dim=-1)[order]


def codebook_of(codes: Tensor, *, decay: float = 0.9) -> Codebook:
    made = Codebook(*codes.shape, decay=decay)
    made.codes.copy_(codes)
    return made


def test_the_nearest_code_is_the_one_of_the_smallest_distance_also_under_autocast_and_in_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book, z = codebook_of(unit(20, 6)), unit(300, 6, seed=2)
    expected = torch.cdist(z, book.codes).argmin(-1)
    monkeypatch.setattr("motet.codecs.codebook.AT_ONCE", 20 * 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(book.nearest(z), expected)


def test_codes_follow_their_vectors_by_the_moving_average_of_the_formula() -> None:
    book = codebook_of(unit(5, 4), decay=0.8)
    codes, share = [code.tolist() for code in book.codes], [1 / 5] * 5
    for step in range(4):
        z = unit(30, 4, seed=10 + step)
        at = book.nearest(z)
        book.follow(z, at, torch.full((30,), 0.5))
        for k in range(5):
            mine = [z[i].tolist() for i in range(30) if at[i] == k]
            if mine:
                new = [
                    0.8 * share[k] * codes[k][axis] + 0.2 * sum(vector[axis] for vector in mine) / 30
                    for axis in range(4)
                ]
                length = sum(x * x for x in new) ** 0.5
                codes[k] = [x / length for x in new]
            share[k] = 0.8 * share[k] + 0.2 * len(mine) / 30
    assert min(share) > 0.05 / 5, "none is dead, or the formula would not be all"
    torch.testing.assert_close(book.codes, torch.tensor(codes))
    torch.testing.assert_close(book.share, torch.tensor(share))


def test_a_code_without_vectors_stays_where_it_is_and_loses_its_share() -> None:
    book = codebook_of(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), decay=0.9)
    z = normalize(torch.tensor([[1.0, 0.1]]), dim=-1).repeat(8, 1)
    book.follow(z, book.nearest(z), torch.full((8,), 0.5))
    assert book.codes[1].tolist() == [0, 1]
    torch.testing.assert_close(book.share, torch.tensor([0.55, 0.45]))


def test_dead_codes_move_to_the_vectors_that_are_badly_served_and_nowhere_else() -> None:
    book = codebook_of(torch.eye(4, 8), decay=0.9)
    book.share.copy_(torch.tensor([0.5, 0.5, 1e-4, 1e-4]))
    served, forgotten = torch.eye(2, 8).repeat(20, 1), torch.eye(8)[6:8]
    z = torch.cat([served, forgotten])
    at = torch.cat([torch.tensor([0, 1]).repeat(20), torch.tensor([0, 1])])
    for seed in range(5):
        again = codebook_of(book.codes, decay=0.99)
        again.share.copy_(book.share)
        again.follow(z, at, torch.rand(42, generator=torch.Generator().manual_seed(seed)))
        assert {tuple(code.tolist()) for code in again.codes[2:]} == {tuple(code.tolist()) for code in forgotten}
        torch.testing.assert_close(again.share[2:], torch.full((2,), REVIVED / 4))


def test_revival_draws_vectors_in_proportion_to_their_distance_and_only_by_the_given_noise() -> None:
    z = normalize(torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), dim=-1)  # 0, 0.4 and 1 from the first code
    rng, landed = torch.Generator().manual_seed(0), torch.zeros(3)
    for _ in range(2000):
        book = codebook_of(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), decay=0.999999)
        book.share.copy_(torch.tensor([1.0, 0.0]))
        noise = torch.rand(3, generator=rng)
        book.follow(z, torch.zeros(3, dtype=torch.long), noise)
        landed += (z == book.codes[1]).all(-1)
    torch.testing.assert_close(landed / 2000, torch.tensor([0.0, 0.4 / 1.4, 1 / 1.4]), atol=0.03, rtol=0)


def test_more_dead_codes_than_vectors_are_revived_as_far_as_the_vectors_go() -> None:
    book = codebook_of(unit(10, 4), decay=0.99)
    book.share.zero_()
    book.share[0] = 1.0
    before, z = book.codes.clone(), unit(3, 4, seed=5)
    book.follow(z, torch.zeros(3, dtype=torch.long), torch.tensor([0.2, 0.4, 0.6]))
    assert {tuple(c.tolist()) for c in book.codes[1:4]} == {tuple(v.tolist()) for v in z}
    assert torch.equal(book.codes[4:], before[4:])


def test_k_means_finds_the_clusters_and_their_shares() -> None:
    centres, z = clusters(12, 40)
    book = Codebook(12, 36, decay=0.9)
    book.start_from(z, torch.Generator().manual_seed(0))
    similarity = centres @ book.codes.T
    assert sorted(similarity.argmax(1).tolist()) == list(range(12)), "one code at each"
    assert float(similarity.amax(1).min()) > 0.999
    torch.testing.assert_close(book.share, torch.full((12,), 1 / 12))


def test_k_means_uses_every_code_and_leaves_less_distance_than_random_vectors_do() -> None:
    z = unit(4000, 5)
    book = Codebook(64, 5, decay=0.9)
    book.start_from(z, torch.Generator().manual_seed(0))
    assert book.usage(book.nearest(z)).share == 1.0
    torch.testing.assert_close(book.codes.norm(dim=-1), torch.ones(64))

    def left(codes: Tensor) -> float:
        return float((1 - (z @ codes.T).amax(-1)).mean())

    assert left(book.codes) < 0.8 * left(z[:64])


def test_fewer_different_vectors_than_codes_still_start_a_codebook() -> None:
    z = unit(3, 4).repeat(5, 1)
    book = Codebook(8, 4, decay=0.9)
    book.start_from(z, torch.Generator().manual_seed(0))
    torch.testing.assert_close(book.codes.norm(dim=-1), torch.ones(8))
    torch.testing.assert_close(book.codes[book.nearest(z)], z)


def test_usage_and_perplexity_are_those_of_the_hand() -> None:
    book = Codebook(8, 4, decay=0.9)
    usage = book.usage(torch.tensor([3, 3, 5, 3, 7, 3, 0, 5]))
    assert usage.share == 4 / 8
    assert usage.perplexity == pytest.approx(exp(-(0.5 * log(0.5) + 0.25 * log(0.25) + 2 * 0.125 * log(0.125))))
    assert book.usage(torch.arange(8)).perplexity == pytest.approx(8)
    assert book.usage(torch.full((9,), 2)).perplexity == pytest.approx(1)
