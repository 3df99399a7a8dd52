"""What `motet show` says is counted from the model, and its picture shows the mask, cell for cell."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console

from motet.codecs.text import TextCodec
from motet.config import override
from motet.mask_picture import STRONG, Row, mask_picture
from motet.model import TEXT
from motet.recipes.registry import RECIPES
from motet.sequence import NO_DOCUMENT, Tags, sees
from motet.sequence.drawing import draw_mask
from motet.show import Sketch, layout, packed_row, show

EMPTY = (246, 246, 243)


def tags(doc: list[int], block: list[int], public: list[bool]) -> Tags:
    return Tags(torch.tensor(doc), torch.tensor(block), torch.tensor(public))


@pytest.fixture(scope="module")
def sketch() -> Sketch:
    return Sketch.of(RECIPES["latentlm"].sizes["tiny"], "emoji")


def test_a_drawn_mask_is_the_rule_sign_for_sign() -> None:
    two = tags([0, 0, 1, NO_DOCUMENT], [0, 1, 0, 0], [True] * 4)
    assert draw_mask(two) == "x . . .\nx x . .\n. . x .\n. . . x"


def test_a_drawn_mask_of_noised_and_clean_copies_is_that_of_the_design() -> None:
    skip = tags([0] * 4, [0, 1, 2, 3], [False, True, False, True])
    assert draw_mask(skip) == "x . . .\n. x . .\n. x x .\n. x . x"


def test_rows_are_drawn_one_below_the_other() -> None:
    one = torch.zeros(2, 1, dtype=torch.long)
    assert draw_mask(Tags(one, one, one == 0)) == "x\n\nx"


def test_every_cell_of_the_picture_has_the_colour_of_what_the_query_sees() -> None:
    row = Row(
        tags([0, 0, 0, 1, NO_DOCUMENT], [0, 1, 1, 0, 0], [True] * 5), [TEXT, "image", "image", TEXT, ""], ["a", "b"]
    )
    picture = mask_picture(row)
    cell, origin = 16, 79  # the largest cell; the edge, the words of the axis, and two bars
    seen = sees(row.tags, row.tags).tolist()
    strong = {TEXT: STRONG[0], "image": STRONG[1]}
    for query in range(5):
        for key in range(5):
            colour = picture.getpixel((origin + key * cell + 7, origin + query * cell + 11))
            if not row.modality[key]:
                continue  # padding: a line through it
            same = bool(row.tags.block[query] == row.tags.block[key])
            full = strong[row.modality[key]]
            light = tuple(round(255 - 0.42 * (255 - part)) for part in full)
            assert colour == ((full if same else light) if seen[query][key] else EMPTY), (query, key)


def test_the_layout_names_marks_text_and_values_in_their_order(sketch: Sketch) -> None:
    first, second = (layout(sketch.model, spans).plain for spans in sketch.documents[:2])
    assert first.startswith("<|document|> ")
    assert first.rstrip().endswith("<|image|>  z1 z2 … z4 (2 x 2 image values)  <|/image|> <|end|>")
    assert second.startswith("<|document|> <|image|>  z1 z2 … z4 (2 x 2 image values)  <|/image|> ")


def test_documents_of_three_parts_keep_their_order_and_what_is_learned() -> None:
    sketch = Sketch.of(RECIPES["latentlm"].sizes["tiny"], "scenes:kind=edits,n=40,size=24")
    for spans in sketch.documents[:2]:
        line = layout(sketch.model, spans)
        before, instruction, after = line.plain.split("image values) ")
        assert before.startswith("<|document|> <|image|> ") and instruction.strip().startswith("<|/image|> ")
        assert instruction.count("<|image|>") == 1 and after.strip() == "<|/image|> <|end|>"
        learned = [span.predict is not None for span in spans]
        assert [span.modality for span in spans] == [TEXT, "image", TEXT, "image", TEXT]
        assert learned == [False, False, True, True, True], "of the texts, the marks that open and end alone"
        assert spans[2].predict.at.tolist() == [len(spans[2]) - 1]


def test_a_class_is_named_beside_what_it_is_the_class_of() -> None:
    sketch = Sketch.of(override(RECIPES["acdit"].sizes["tiny"], ["condition=class"]), "emoji")
    line = layout(sketch.model, sketch.documents[0]).plain
    assert line.startswith("<|document|> <|image|> ") and line.rstrip().endswith("<|/image|> <|end|>")
    assert '(2 x 2 image values, noised copy, of "' in line and "(2 x 2 image values) " in line


def test_a_packed_row_holds_whole_documents_and_names_each_token(sketch: Sketch) -> None:
    row = packed_row(sketch)
    n_tokens = sum(len(span) for spans in sketch.documents for span in spans)
    assert sum(map(bool, row.modality)) == n_tokens == int((row.tags.doc != NO_DOCUMENT).sum())
    assert row.modality.count("image") == 4 * len(sketch.documents)
    assert len(row.titles) == len(sketch.documents)
    assert all(title.endswith("then image") or title.startswith("image, then") for title in row.titles)


def test_parameters_are_those_of_the_model_that_is_trained(tmp_path: Path) -> None:
    recipe = RECIPES["latentlm"].sizes["tiny"]
    console = Console(width=100, record=True, file=(tmp_path / "said").open("w"))
    show("latentlm", recipe, data="emoji", out=tmp_path / "mask.png", console=console)
    model = recipe.build(TextCodec.learn(["a text"] * 3, recipe.vocab_size, ["image"]))  # type: ignore[attr-defined]
    words = console.export_text()
    backbone = sum(p.numel() for p in model.backbone.parameters())
    assert f"backbone                 {backbone:,}".split() in [line.split() for line in words.splitlines()]
    with Image.open(tmp_path / "mask.png") as picture:
        assert picture.width >= 560


def test_where_no_data_is_installed_drawn_examples_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    sketch = Sketch.of(RECIPES["latentlm"].sizes["tiny"])
    assert sketch.data == "drawn examples"
    assert packed_row(sketch).titles[0].endswith('disc", then image')


def test_a_model_of_billions_is_counted_without_its_memory() -> None:
    recipe = override(RECIPES["latentlm"].sizes["tiny"], ["backbone.n_layers=200", "backbone.ffn_dim=131072"])
    sketch = Sketch.of(recipe, "emoji")
    assert sum(p.numel() for p in sketch.model.parameters()) > 2e9
    assert next(sketch.model.backbone.parameters()).is_meta
