"""The U-Net ends of a token's tile."""

import pytest
import torch

from motet.errors import ConfigError
from motet.nn.tile import TileDown, TileUp


def test_the_way_in_tells_where_in_its_tile_a_latent_is():
    down, values = TileDown(2, 8, 2, width=4), torch.randn(3, 8)
    swapped = values.view(3, 4, 2)[:, [1, 0, 2, 3]].reshape(3, 8)
    assert down(values).shape == (3, 8)
    assert (down(values) - down(swapped)).abs().max() > 1e-2


def test_tokens_do_not_look_at_each_other():
    down, values = TileDown(2, 8, 2, width=4), torch.randn(3, 8)
    torch.testing.assert_close(down(values)[1], down(values[1:2])[0])


def test_the_way_out_starts_at_zero_and_everything_on_both_ways_learns():
    down, up = TileDown(2, 8, 2, width=4), TileUp(8, 2, 2, width=4)
    optimizer = torch.optim.Adam([*down.parameters(), *up.parameters()], lr=1e-2)
    values = torch.randn(16, 8)
    before = {
        name: p.detach().clone() for part in (down, up) for name, p in part.named_parameters(prefix=str(id(part)))
    }
    assert not up(down(values)).any()
    for _ in range(300):
        loss = (up(down(values)) - values).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.1
    for part in (down, up):
        for name, p in part.named_parameters(prefix=str(id(part))):
            assert not torch.equal(p, before[name])


def test_states_of_several_branches_keep_their_shape():
    assert TileUp(8, 2, 3, width=4)(torch.randn(2, 5, 8)).shape == (2, 5, 18)


def test_a_tile_of_one_latent_is_refused():
    with pytest.raises(ConfigError, match="no effect on a tile of one latent"):
        TileDown(2, 8, 1, width=4)
