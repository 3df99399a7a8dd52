"""The ids of a picture's sentence: written, and read again."""

import torch

from motet.codecs.halves import Halves
from motet.codecs.sentence import Sentence


def test_what_is_written_is_read_again():
    codes, at = torch.tensor([3, 1, 4]), torch.tensor([0, 2, 5])
    ranked, placed = Sentence(8), Sentence(8, places=6)
    assert ranked.write(codes, at).tolist() == [3, 1, 4, 8]
    ids = placed.write(codes, at)
    assert ids.tolist() == [9, 3, 11, 1, 14, 4, 8] and int(ids.max()) < placed.size == 15
    shown = placed.carries(ids)
    assert ids[shown].tolist() == codes.tolist() and placed.places_of(ids)[shown].tolist() == at.tolist()


def test_what_stands_behind_an_end_or_before_any_place_is_harmless():
    placed = Sentence(8, places=6)
    ids = torch.tensor([[2, 10, 12, 7, 8, 3], [8, 8, 1, 2, 9, 9]])
    assert placed.carries(ids).tolist() == [[True, False, False, True, False, False], [False] * 6]
    assert placed.places_of(ids)[0].tolist() == [0, 1, 3, 3, 3, 3]


def test_halves_are_told_from_what_a_model_made_and_give_it_back():
    codes, latents, features = torch.tensor([7, 0, 16_383]), torch.randn(3, 4), torch.randn(3, 5)
    for halves, made in ((Halves(5), codes), (Halves(5, 4), latents)):
        both = halves.join(features, made)
        assert halves.has_both(both) and not halves.has_both(made)
        assert torch.equal(halves.made(both), made) and torch.equal(halves.made(made), made)
        assert torch.equal(halves.read(both), features)
