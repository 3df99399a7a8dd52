"""A text as one vector."""

import torch

from motet.embed.label import PLACES, TextLabel
from motet.sequence import NO_LABEL

NONE = NO_LABEL


def vectors(*labels: list[int]) -> torch.Tensor:
    torch.manual_seed(1)
    embed = TextLabel(20, 6)
    torch.nn.init.normal_(embed.none)
    with torch.no_grad():
        return embed(torch.tensor(labels))


def test_what_stands_behind_a_short_label_changes_nothing():
    torch.testing.assert_close(vectors([3, 4])[0], vectors([3, 4, NONE, NONE])[0])


def test_words_count_and_so_does_their_order():
    one, other, turned, short = vectors([3, 4], [3, 5], [4, 3], [3, NONE])
    assert min((one - x).abs().max() for x in (other, turned, short)) > 1e-3


def test_no_text_has_a_vector_of_its_own_that_learns():
    embed = TextLabel(20, 6)
    none, some = embed(torch.tensor([[NONE, NONE], [0, NONE]]))
    assert torch.equal(none, embed.none) and not torch.equal(none, some)
    assert torch.equal(embed(torch.empty(1, 0, dtype=torch.long))[0], embed.none), "a batch of empty texts alone"
    (none + some).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in embed.parameters())


def test_texts_longer_than_the_places_are_read_to_their_end():
    ids = torch.randint(20, (1, PLACES + 5), generator=torch.Generator().manual_seed(0))
    changed = ids.clone()
    changed[0, -1] = (changed[0, -1] + 1) % 20
    one, other = vectors(ids[0].tolist(), changed[0].tolist())
    assert not torch.equal(one, other)
