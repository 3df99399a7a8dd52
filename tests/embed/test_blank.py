"""Masked tokens show a learned vector."""

import torch
from torch import Tensor

from motet.embed.blank import Blank
from motet.embed.embed import Tokens
from motet.embed.lookup import Lookup
from motet.embed.project import Project
from motet.sequence import positions

MASKED = torch.tensor([False, True, True, False])


def tokens(values: Tensor) -> Tokens:
    return Tokens(values, positions(4, 0, (2, 2)), torch.full((4,), torch.nan), MASKED, torch.zeros(4).long())


def test_masked_tokens_show_the_vector_and_others_what_is_inside():
    inner = Project(3, 5)
    blank, values = Blank(inner, 5), torch.randn(4, 3)
    shown = blank(tokens(values))
    assert torch.equal(shown[~MASKED], inner(tokens(values))[~MASKED])
    assert (shown[MASKED] == blank.vector).all()


def test_nothing_of_a_masked_value_comes_through():
    blank, values = Blank(Project(3, 5), 5), torch.randn(4, 3, requires_grad=True)
    blank(tokens(values)).square().sum().backward()
    assert (values.grad[MASKED] == 0).all() and (values.grad[~MASKED] != 0).all()
    assert (blank.vector.grad != 0).all()


def test_codes_can_be_masked_too():
    blank = Blank(Lookup(9, 5), 5)
    shown = blank(tokens(torch.tensor([1, 2, 3, 4])))
    assert (shown[MASKED] == blank.vector).all() and not (shown[0] == shown[3]).all()
