"""Time as part of a token."""

import torch
from torch import Tensor

from motet.embed.embed import Embed, Tokens
from motet.embed.timed import FinishedAtOne, Timed
from motet.sequence import positions


class Plain(Embed):
    """Values as they are."""

    def forward(self, tokens: Tokens) -> Tensor:
        return tokens.values


def tokens_at(*times: float) -> Tokens:
    n = len(times)
    values = torch.randn(n, 8, generator=torch.Generator().manual_seed(2))
    return Tokens(values, positions(n, 0), torch.tensor(times), torch.zeros(n, dtype=torch.bool), torch.zeros(n).long())


def test_noised_tokens_get_the_vector_of_their_time_and_clean_ones_that_of_clean_tokens():
    embed = Timed(Plain(), 8)
    torch.nn.init.normal_(embed.clean)
    tokens = tokens_at(0.5, torch.nan, 0.0, 0.5)
    added = embed(tokens) - tokens.values
    for token, time in ((0, 0.5), (2, 0.0), (3, 0.5)):
        torch.testing.assert_close(added[token], embed.time(torch.tensor(time)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(added[1], embed.clean.detach(), atol=1e-6, rtol=0)


def test_tokens_without_any_noised_one_are_embedded_too():
    embed = Timed(Plain(), 8)
    tokens = tokens_at(torch.nan, torch.nan)
    assert torch.equal(embed(tokens), tokens.values)


def test_every_part_learns():
    embed = Timed(Plain(), 8)
    embed(tokens_at(0.5, torch.nan)).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in embed.parameters())


def test_clean_tokens_can_stand_at_time_one():
    inner = Timed(Plain(), 8)
    torch.nn.init.normal_(inner.clean)
    tokens = tokens_at(0.5, torch.nan, 1.0)
    added = FinishedAtOne(inner)(tokens) - tokens.values
    torch.testing.assert_close(added[1], added[2])
    torch.testing.assert_close(added[1], inner.time(torch.tensor(1.0)), atol=1e-5, rtol=1e-5)
