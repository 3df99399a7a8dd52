"""The page: self-contained, escaped, and true to its pictures."""

import base64
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from motet.errors import DataError
from motet.evaluate.page import (
    Chapter,
    Commands,
    Figure,
    Gallery,
    KeyNumber,
    KeyNumbers,
    Pair,
    Pairs,
    Section,
    Table,
    Text,
    Tile,
    img,
    write_page,
)

EVIL = "<script>alert('x')</script>"


def picture(seed: int = 0, side: int = 16) -> torch.Tensor:
    return torch.randint(256, (3, side, side), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


def every_section(text: str) -> list[Section]:
    return [
        KeyNumbers("Results " + text, [KeyNumber(text, text, target=text, met=False, detail=text)], note=text),
        Gallery(
            "Pictures", [Tile(picture(), text, truth=picture(1), expected=text, ok=True), Tile(picture(2), "plain")]
        ),
        Pairs("Codec", [Pair(picture(), picture(1), text)]),
        Figure("Curves", "<svg viewBox='0 0 1 1'></svg>"),
        Figure("Plot", b"\x89PNG"),
        Table("Settings", [[text, "1.5"], ["b", "20 %"]], header=["name", text]),
        Text("Words", [text]),
        Commands("Next", [(text, text)]),
        Chapter("Chapter", [Text("Words", [text], note=text), Text("More " + text, [text])], note=text),
    ]


class Elements(HTMLParser):
    """The tags of a page with their attributes, and a check that they nest."""

    void = ("meta", "img", "path")

    def __init__(self, html: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page(tmp_path: Path, sections: list[Section]) -> str:
    return write_page(tmp_path / "new" / "index.html", sections, title=EVIL, subtitle=EVIL, credit=EVIL).read_text()


def test_every_text_of_every_section_is_escaped(tmp_path: Path) -> None:
    html = page(tmp_path, every_section(EVIL))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 20
    elements = Elements(html)
    assert elements.open == [] and "script" not in {tag for tag, _ in elements.found}


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    html = page(tmp_path, every_section("words"))
    for tag, attributes in Elements(html).found:
        assert tag not in ("link", "script", "iframe")
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in html and "@import" not in html


def test_every_link_of_the_navigation_leads_to_a_section(tmp_path: Path) -> None:
    found = Elements(page(tmp_path, every_section("words"))).found
    links = [str(a["href"])[1:] for tag, a in found if tag == "a"]
    assert links == [a["id"] for tag, a in found if tag == "section"]
    assert len(set(links)) == len(links) == 9


def test_the_sections_of_a_chapter_stand_under_smaller_headings(tmp_path: Path) -> None:
    html = page(tmp_path, [Chapter("Whole", [Text("Part", ["said"], note="noted")], note="why")])
    assert re.findall(r"<(h[23])>(\w+)", html) == [("h2", "Whole"), ("h3", "Part")]
    assert html.index("why") < html.index("Part") < html.index("noted") < html.index("said")


def test_an_embedded_picture_is_the_picture_to_the_last_bit() -> None:
    original = picture(3, side=20)
    data = re.search(r"base64,([^\"]+)", img(original, "x"))
    assert data is not None
    shown = np.array(Image.open(BytesIO(base64.b64decode(data[1]))).convert("RGB"))
    assert np.array_equal(shown, original.permute(1, 2, 0).numpy())


@pytest.mark.parametrize(
    ("side", "shown", "crisp"), [(32, 128, True), (48, 144, True), (64, 128, True), (300, 132, False)]
)
def test_small_pictures_are_enlarged_by_a_whole_factor_and_not_blurred(side: int, shown: int, crisp: bool) -> None:
    html = img(picture(side=side), "x")
    assert f'width="{shown}"' in html and ("crisp" in html) is crisp


def test_right_and_wrong_are_marked_in_words_and_unmarked_tiles_are_not(tmp_path: Path) -> None:
    tiles = [Tile(picture(), "a", ok=True), Tile(picture(), "b", ok=False), Tile(picture(), "c")]
    labels = [
        a.get("aria-label") for _, a in Elements(page(tmp_path, [Gallery("g", tiles)])).found if "aria-label" in a
    ]
    assert sorted(label for label in labels if label in ("right", "wrong")) == ["right", "wrong"]


def test_columns_of_numbers_are_set_to_the_right(tmp_path: Path) -> None:
    table = Table("t", [["codec", "3.5 min", "29.4 [29.1, 29.8]"], ["v2 model", "7", "-1 dB"]])
    cells = [a.get("class") for tag, a in Elements(page(tmp_path, [table])).found if tag == "td"]
    assert cells == [None, "numeric", "numeric"] * 2


def test_a_ragged_table_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Timings"):
        page(tmp_path, [Table("Timings", [["a", "b"], ["c"]])])
    assert list(tmp_path.rglob("*.html*")) == []
