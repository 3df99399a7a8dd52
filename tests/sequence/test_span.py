"""Positions: index in the document, then frame, row and column of the grid."""

import pytest
import torch

from motet.sequence import positions


def test_positions_count_through_the_document_and_through_the_grid_in_raster_order():
    pos = positions(6, 10, (2, 3)).tolist()
    assert pos == [[10 + i, 0, i // 3, i % 3] for i in range(6)]


def test_video_fills_the_frame_axis_and_text_fills_none():
    assert positions(8, 0, (2, 2, 2))[:, 1].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert positions(3, 4).tolist() == [[4, 0, 0, 0], [5, 0, 0, 0], [6, 0, 0, 0]]


def test_positions_are_a_fresh_tensor_each_time():
    positions(4, 0, (2, 2))[:] = 99
    assert positions(4, 0, (2, 2)).max() == 3


def test_a_grid_that_the_tokens_do_not_fill_is_refused():
    with pytest.raises(AssertionError, match="do not fill"):
        positions(5, 0, (2, 3))


def test_positions_start_from_a_raster_of_int64():
    assert positions(2, 0).dtype == torch.long
