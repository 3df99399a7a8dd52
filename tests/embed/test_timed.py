"""Time as part of a token."""

import torch
from torch import Tensor

from motet.embed.embed import Embed, Tokens
from motet.embed.timed import Timed
from motet.sequence import positions


class Plain(Embed):
    """Values as they are."""

    def forward(self, tokens: Tokens) -> Tensor:
        return tokens.values


def tokens_at(*times: float) -> Tokens:
    n = len(times)
    values = torch.randn(n, 8, generator=torch.Generator().manual_seed(2))
    return Tokens(values, positions(n, 0), torch.tensor(times), torch.zeros(n, dtype=torch.bool), torch.zeros(n).long())


def test_noised_tokens_get_the_vector_of_their_time_and_clean_ones_that_of_time_one_and_their_own():
    embed = Timed(Plain(), 8)
    torch.nn.init.normal_(embed.move)
    tokens = tokens_at(0.5, torch.nan, 0.0, 0.5, 1.0)
    added = embed(tokens) - tokens.values
    for token, time in ((0, 0.5), (2, 0.0), (3, 0.5), (4, 1.0)):
        torch.testing.assert_close(added[token], embed.time(torch.tensor(time)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(added[1], added[4] + embed.move.detach(), atol=1e-5, rtol=1e-5)


def test_clean_tokens_that_training_never_showed_stand_where_the_last_noise_is_gone():
    embed = Timed(Plain(), 8)
    tokens = tokens_at(torch.nan, 1.0)
    embed(tokens_at(0.2, 0.9)).sum().backward()
    assert embed.move.grad is None or not embed.move.grad.any(), "noised tokens teach it nothing"
    added = embed(tokens) - tokens.values
    torch.testing.assert_close(added[0], added[1])


def test_every_part_learns():
    embed = Timed(Plain(), 8)
    embed(tokens_at(0.5, torch.nan)).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in embed.parameters())
