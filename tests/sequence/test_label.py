"""Labels: which texts become one, and how they are packed."""

import torch

from motet.sequence import NO_LABEL, Segment, Span, labelled, pack, positions, split_label
from motet.sequence.pack import Placing, lay


def text(*ids: int) -> Segment:
    return Segment("text", torch.tensor(ids, dtype=torch.long))


def picture() -> Segment:
    return Segment("image", torch.zeros(2, 1), (1, 2))


def summary(segments: list[Segment]) -> list[object]:
    """Ids of texts, and the label of everything else."""
    return [s.values.tolist() if s.modality == "text" else ("image", s.label.tolist()) for s in segments]


def test_texts_right_before_something_else_become_its_label_and_all_others_stay():
    document = [text(1), text(2, 3), picture(), picture(), text(4), picture(), text(5), text(6)]
    expected = [("image", [1, 2, 3]), ("image", []), ("image", [4]), [5], [6]]
    assert summary(labelled(document, "text")) == expected


def test_the_label_of_what_comes_next_is_split_off_the_end():
    rest, label = split_label([text(1), picture(), text(2), text(3)], "text")
    assert len(rest) == 2 and label.tolist() == [2, 3]
    rest, label = split_label([picture()], "text")
    assert len(rest) == 1 and len(label) == 0 and label.dtype == torch.long


def span(n: int, label: list[int] | None) -> Span:
    ids = None if label is None else torch.tensor(label, dtype=torch.long)
    return Span("image", torch.zeros(n, 1), positions(n, 0), whole=True, time=torch.zeros(n), label=ids)


def told(packed) -> list[list[list[int] | None]]:
    """The label of each token, row by row."""
    labels = [[i for i in row if i != NO_LABEL] for row in packed.labels.ids.tolist()]
    return [[None if of == NO_LABEL else labels[of] for of in row] for row in packed.labels.of.tolist()]


def test_every_token_knows_the_label_of_its_span():
    packed = pack([[span(2, [7, 8]), span(1, None)], [span(2, []), span(1, [9])]], rows=2, length=4)
    assert told(packed) == [[[7, 8], [7, 8], None, None], [[], [], [9], None]]
    assert packed.to("cpu").labels.ids.tolist() == packed.labels.ids.tolist()
    assert pack([[span(2, None)]], rows=1, length=2).labels is None


def test_a_step_lays_spans_side_by_side_as_blocks_of_their_own():
    packed = lay({1: Placing([span(2, [7]), span(2, None)], 5), 0: Placing([span(3, None)], 2)}, rows=3)
    assert packed.tags.block.tolist() == [[2, 2, 2, 0], [5, 5, 6, 6], [0, 0, 0, 0]]
    assert packed.tags.doc.tolist() == [[0, 0, 0, -1], [0, 0, 0, 0], [-1, -1, -1, -1]]
    assert told(packed)[1] == [[7], [7], None, None] and packed.n_tokens == 7
