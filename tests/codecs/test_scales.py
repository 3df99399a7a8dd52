"""The scales of a pyramid: counts and places."""

import pytest
import torch

from motet.codecs.features import centres
from motet.codecs.scales import Scales
from motet.errors import ConfigError, ShapeError

SCALES, GRID = Scales((4, 2, 1)), (4, 8)


def test_every_token_has_a_place_of_its_own_and_the_index_counts_on():
    pos = SCALES.positions(GRID, 5)
    assert pos[:, 0].tolist() == list(range(5, 5 + 42))
    assert pos[:, 1].tolist() == [0] * 2 + [1] * 8 + [2] * 32
    assert len({tuple(place) for place in pos[:, 1:].tolist()}) == 42


def test_a_pooled_token_stands_in_the_middle_of_those_that_it_is_the_mean_of():
    pos = SCALES.positions(GRID, 0)
    finest = centres(GRID)[:, 2:].view(*GRID, 2).float()
    for row in range(2):
        for column in range(4):
            square = finest[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].flatten(0, 1)
            assert torch.equal(pos[2 + 4 * row + column, 2:].float(), square.mean(0))


@pytest.mark.parametrize("factors", [(), (1, 2), (2, 2), (6, 4), (2, 0)])
def test_scales_that_are_not_nested_are_refused(factors: tuple[int, ...]):
    with pytest.raises(ConfigError, match="each a multiple of the next"):
        Scales(factors)


def test_a_grid_that_cannot_be_pooled_is_an_error_that_says_which_sizes_would_do():
    with pytest.raises(ShapeError, match=r"grid of 4x6 features cannot be pooled by 4; .* multiples of 4 patches"):
        SCALES.sizes((4, 6))


def test_tokens_hold_whole_scales_from_the_coarsest_on():
    assert [SCALES.held(n, GRID) for n in (2, 10, 42)] == [[2], [2, 8], [2, 8, 32]]
    for n in (0, 1, 8, 41, 43):
        with pytest.raises(ShapeError, match=f"{n} tokens are no pyramid"):
            SCALES.held(n, GRID)
