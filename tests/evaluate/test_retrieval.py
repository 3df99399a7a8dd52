"""Retrieval on galleries made so that the ranks are known."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from motet.errors import ConfigError, DataError, ShapeError
from motet.evaluate.retrieval import pooled, retrieval


def grey(*levels: int, side: int = 32) -> Tensor:
    """One flat picture per level."""
    return torch.tensor(levels, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, side, side).contiguous()


def test_the_rank_counts_the_pictures_strictly_nearer_than_the_true_one() -> None:
    gallery = grey(0, 50, 100, 150, 200, 250)
    found = retrieval(grey(100, 145, 20), torch.tensor([2, 5, 5]), gallery)
    # 145: nearer than 250 are 150, 100, 200, 50; 20: all five others are
    assert found.ranks.tolist() == [0, 4, 5]
    assert found.top1.mean == pytest.approx(1 / 3)
    assert found.top5.mean == pytest.approx(2 / 3)


def test_a_copy_of_the_true_picture_counts_as_the_same_picture() -> None:
    gallery = grey(80, 200, 200, 200)
    assert retrieval(grey(190), torch.tensor([2]), gallery).ranks.tolist() == [0]


def test_pictures_that_agree_after_pooling_are_the_same_picture() -> None:
    checker = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    checker[..., ::2, ::2] = checker[..., 1::2, 1::2] = 100
    other_phase = checker.roll(1, -1)
    assert torch.equal(pooled(checker), pooled(other_phase)) and not torch.equal(checker, other_phase)
    assert retrieval(checker, torch.tensor([0]), torch.cat([other_phase, checker])).ranks.tolist() == [0]


def test_pixel_ranks_equal_those_of_a_slow_mean_squared_difference() -> None:
    rng = torch.Generator().manual_seed(0)
    common = torch.randint(60, 196, (3, 32, 32), generator=rng)  # pictures that are much alike, so that noise confuses
    gallery = (common + torch.randint(-30, 31, (20, 3, 32, 32), generator=rng)).to(torch.uint8)
    truth = torch.randint(20, (8,), generator=rng)
    noise = torch.randint(-120, 121, (8, 3, 32, 32), generator=rng)
    generated = (gallery[truth].int() + 4 * noise).clamp(0, 255).to(torch.uint8)

    def small(x: Tensor) -> Tensor:
        return (x.double() / 255).reshape(3, 16, 2, 16, 2).mean((2, 4))

    expected = []
    for picture, index in zip(generated, truth, strict=True):
        mse = [float((small(picture) - small(other)).square().mean()) for other in gallery]
        expected.append(sum(m < mse[index] for m in mse))
    assert retrieval(generated, truth, gallery).ranks.tolist() == expected
    assert len(set(expected)) > 2, "the question must not be too easy to tell right from wrong"


def test_pictures_are_pooled_some_at_a_time_and_as_all_at_once_would_be(
    most_doubles: Callable[[Callable[[], object]], int],
) -> None:
    pictures = torch.randint(256, (300, 3, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    plain = F.adaptive_avg_pool2d(pictures.double() / 255, 16).flatten(1)
    torch.testing.assert_close(pooled(pictures), plain, rtol=0, atol=1e-12)
    assert most_doubles(lambda: pooled(pictures)) <= 128 * pictures[0].numel()


def test_pictures_of_different_sizes_can_be_compared() -> None:
    found = retrieval(grey(60, side=64), torch.tensor([1]), grey(0, 60, 120, side=32))
    assert found.ranks.tolist() == [0]


def test_features_are_compared_by_angle_and_not_by_length() -> None:
    gallery = torch.tensor([[10.0, 0.1], [0.6, 0.8], [0.0, 1.0]])
    found = retrieval(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), gallery, by="features")
    assert found.ranks.tolist() == [0]


def test_copies_whose_features_differ_by_rounding_are_the_same_picture() -> None:
    true = torch.tensor([0.6, 0.8, 0.3])
    gallery = torch.stack([true, true * (1 + 1e-7) + 1e-8, -true])
    for index in (0, 1):
        found = retrieval(torch.tensor([[0.5, 0.9, 0.3]]), torch.tensor([index]), gallery, by="features")
        assert found.ranks.tolist() == [0]


def test_the_result_is_ready_for_json() -> None:
    found = retrieval(grey(0, 250), torch.tensor([0, 0]), grey(0, 250)).to_json()
    assert found["n"] == 2 and found["top1"]["mean"] == 0.5 and found["top5"]["mean"] == 1.0


def test_questions_that_make_no_sense_are_refused() -> None:
    gallery = grey(0, 50)
    with pytest.raises(DataError, match="outside the gallery of 2"):
        retrieval(grey(0), torch.tensor([2]), gallery)
    with pytest.raises(ShapeError, match="1 generated pictures but 2"):
        retrieval(grey(0), torch.tensor([0, 1]), gallery)
    with pytest.raises(ShapeError, match="2 axes"):
        retrieval(grey(0), torch.tensor([0]), gallery, by="features")
    with pytest.raises(ConfigError, match="taste"):
        retrieval(grey(0), torch.tensor([0]), gallery, by="taste")
