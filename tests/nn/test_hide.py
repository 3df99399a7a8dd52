"""What hidden tokens show instead of themselves."""

import torch

from motet.nn.hide import Strangers
from motet.sequence import positions

GRID = (2, 3)
PLACES = 6


def pictures(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Embedded tokens of ``n`` pictures that say (picture, place), and their positions at different indices."""
    x = torch.tensor([[float(picture), float(place)] for picture in range(n) for place in range(PLACES)])
    pos = torch.cat([positions(PLACES, 7 * picture, GRID) for picture in range(n)])
    return x, pos


def test_a_hidden_token_shows_the_same_place_of_another_picture_and_the_others_stay():
    x, pos = pictures(5)
    hidden = torch.rand(len(x), generator=torch.Generator().manual_seed(0)) < 0.4
    shown = Strangers()(x, hidden, pos)
    assert torch.equal(shown[~hidden], x[~hidden])
    assert torch.equal(shown[hidden][:, 1], x[hidden][:, 1])
    assert (shown[hidden][:, 0] != x[hidden][:, 0]).all()


def test_all_hidden_tokens_of_a_picture_show_one_stranger():
    x, pos = pictures(4)
    shown = Strangers()(x, torch.ones(len(x), dtype=torch.bool), pos).view(4, PLACES, 2)
    assert all(len(set(picture[:, 0].tolist())) == 1 for picture in shown)


def test_nothing_hidden_changes_nothing():
    x, pos = pictures(3)
    assert Strangers()(x, torch.zeros(len(x), dtype=torch.bool), pos) is x
