"""What masked tokens show instead of themselves."""

import torch
from torch import Tensor

from motet.embed.embed import Embed, Tokens
from motet.embed.strangers import Strangers
from motet.sequence import positions

GRID = (2, 3)
PLACES = 6


class Plain(Embed):
    """Values as they are."""

    def forward(self, tokens: Tokens) -> Tensor:
        return tokens.values


def pictures(n: int, masked: Tensor | None = None) -> Tokens:
    """Tokens of ``n`` pictures that say (picture, place), at different indices."""
    x = torch.tensor([[float(picture), float(place)] for picture in range(n) for place in range(PLACES)])
    pos = torch.cat([positions(PLACES, 7 * picture, GRID) for picture in range(n)])
    hidden = torch.zeros(len(x), dtype=torch.bool) if masked is None else masked
    return Tokens(x, pos, torch.full((len(x),), torch.nan), hidden, torch.arange(n).repeat_interleave(PLACES))


def test_a_masked_token_shows_the_same_place_of_another_picture_and_the_others_stay():
    masked = torch.rand(5 * PLACES, generator=torch.Generator().manual_seed(0)) < 0.4
    tokens = pictures(5, masked)
    shown, x = Strangers(Plain())(tokens), tokens.values
    assert torch.equal(shown[~masked], x[~masked])
    assert torch.equal(shown[masked][:, 1], x[masked][:, 1])
    assert (shown[masked][:, 0] != x[masked][:, 0]).all()


def test_all_masked_tokens_of_a_picture_show_one_stranger():
    tokens = pictures(4, torch.ones(4 * PLACES, dtype=torch.bool))
    shown = Strangers(Plain())(tokens).view(4, PLACES, 2)
    assert all(len(set(picture[:, 0].tolist())) == 1 for picture in shown)


def test_nothing_masked_changes_nothing():
    tokens = pictures(3)
    assert Strangers(Plain())(tokens) is tokens.values


def test_another_picture_of_the_same_document_is_no_stranger():
    tokens = pictures(5, torch.ones(5 * PLACES, dtype=torch.bool))
    document = torch.tensor([0, 0, 1, 2, 2]).repeat_interleave(PLACES)  # an edit, a picture, an edit
    shown = Strangers(Plain())(tokens._replace(doc=document)).view(5, PLACES, 2)[:, 0, 0]
    assert shown.tolist() == [4, 4, 1, 2, 2]


def test_where_no_other_document_has_the_place_a_token_stays():
    tokens = pictures(2, torch.ones(2 * PLACES, dtype=torch.bool))
    alone = tokens._replace(doc=torch.zeros(2 * PLACES, dtype=torch.long))
    assert torch.equal(Strangers(Plain())(alone), tokens.values)
