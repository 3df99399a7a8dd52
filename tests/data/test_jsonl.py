import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from motet.data.document import Document, load_checked
from motet.data.jsonl import JsonlSource
from motet.data.problem import Reason
from motet.errors import DataError

Paint = Callable[..., Path]
Write = Callable[..., JsonlSource]

TEXT = {"type": "text", "text": "a fox"}
IMAGE = {"type": "image", "image": "fox.png"}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def save(*rows: object) -> JsonlSource:
        path = tmp_path / "data.jsonl"
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
        return JsonlSource(path)

    return save


def shape(document: Document) -> list[tuple[str, bool]]:
    return [(part.modality, part.learn) for part in document.parts]


def test_parts_come_in_any_order_and_number(write: Write, paint: Paint) -> None:
    paint("fox.png")
    parts = [IMAGE, TEXT, TEXT, IMAGE, IMAGE]
    document = write({"id": "a", "parts": parts})[0]
    assert [modality for modality, _ in load_checked(document)] == ["image", "text", "text", "image", "image"]
    assert document.id == "a"


def test_text_alone_is_a_document(write: Write) -> None:
    assert shape(write({"parts": [TEXT]})[0]) == [("text", True)]


def test_only_what_the_assistant_says_is_learnt(write: Write) -> None:
    messages = [
        {"role": "system", "content": "You draw."},
        {"role": "user", "content": [TEXT, IMAGE]},
        {"role": "assistant", "content": [IMAGE, TEXT]},
    ]
    expected = [("text", False), ("text", False), ("image", False), ("image", True), ("text", True)]
    assert shape(write({"messages": messages})[0]) == expected


def test_a_data_url_is_a_picture_in_either_form(write: Write, paint: Paint) -> None:
    url = "data:image/png;base64," + base64.b64encode(paint("x.png", "blue").read_bytes()).decode()
    parts = [TEXT, {"type": "image", "image": url}, {"type": "image_url", "image_url": {"url": url}}]
    loaded = load_checked(write({"parts": parts})[0])
    assert [value.getpixel((0, 0)) for _, value in loaded[1:] if not isinstance(value, str)] == [(0, 0, 255)] * 2


@pytest.mark.parametrize("image", ["A" * 300, "A" * 5000, "AAAA/" * 300, {"bytes": "A" * 5000}])
def test_a_picture_in_bare_base64_is_a_bad_line_that_says_how_to_give_it_and_does_not_repeat_it(
    write: Write, image: object
) -> None:
    source = write({"parts": [TEXT, {"type": "image", "image": image}]}, {"id": "good", "parts": [TEXT]})
    assert [document.id for document in source.documents()] == ["good"]
    (problem,) = source.found.problems
    assert problem.reason == Reason.INVALID_ENTRY
    assert "data:" in problem.detail and "AAAA" in problem.detail and len(problem.detail) < 300


def test_a_long_path_is_a_path(write: Write) -> None:
    name = "a folder/" * 80 + "b" * 250 + ".png"
    source = write({"id": "long", "parts": [TEXT, {"type": "image", "image": name}]})
    assert str(source[0].parts[1].value).endswith(name) and not source.found.problems


def test_bad_lines_are_reported_by_number_and_the_others_are_read(write: Write) -> None:
    source = write(
        '{"id": "cut", "parts": [',
        {"id": "good", "parts": [TEXT]},
        "",
        {"id": "neither"},
        {"id": "silent", "parts": [IMAGE]},
        {"id": "empty", "parts": [{"type": "text", "text": " "}]},
        {"id": "nothing", "parts": []},
        {"id": "sound", "parts": [TEXT, {"type": "audio", "audio": "a.wav"}]},
        {"id": "role", "messages": [{"role": "tool", "content": "x"}]},
        {"id": "far", "parts": [TEXT, {"type": "image", "image": "https://example.org/a.png"}]},
        {"id": "split", "parts": [TEXT], "split": "spare"},
        {"id": ["list"], "parts": [TEXT]},
        '"words"',
        {"id": "asked", "messages": [{"role": "user", "content": [TEXT, IMAGE]}]},
    )
    assert [document.id for document in source.documents()] == ["good"]
    found = [(problem.detail.split(":")[0], problem.reason) for problem in source.found.problems]
    assert found == [
        ("line 1", Reason.INVALID_JSON),
        ("line 4", Reason.INVALID_ENTRY),
        ("line 5", Reason.MISSING_CAPTION),
        ("line 6", Reason.EMPTY_TEXT),
        ("line 7", Reason.INVALID_ENTRY),
        ("line 8", Reason.INVALID_ENTRY),
        ("line 9", Reason.INVALID_ENTRY),
        ("line 10", Reason.MISSING_FILE),
        ("line 11", Reason.INVALID_ENTRY),
        ("line 12", Reason.INVALID_ENTRY),
        ("line 13", Reason.INVALID_JSON),
        ("line 14", Reason.NOTHING_TO_LEARN),
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"parts": {"type": "text", "text": "a fox"}},
        {"parts": ["a fox"]},
        {"parts": [{"type": "text"}]},
        {"parts": [TEXT, {"type": "image"}]},
        {"parts": [TEXT, {"type": "image_url", "image_url": 3}]},
        {"parts": [TEXT], "messages": []},
        {"messages": {"role": "user"}},
        {"messages": ["hello"]},
        {"messages": [{"role": ["user"], "content": "x"}]},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": []},
        "[" * 100_000,
    ],
)
def test_no_shape_of_a_line_kills_the_source(write: Write, row: object) -> None:
    source = write(row, {"id": "good", "parts": [TEXT]})
    assert [document.id for document in source.documents()] == ["good"]
    assert len(source.found.problems) == 1


def test_a_line_without_an_id_keeps_its_name_when_others_come_before_it(write: Write) -> None:
    lines = [{"parts": [{"type": "text", "text": str(n)}]} for n in range(3)]
    before = {document.text: document.id for document in write(*lines[1:]).documents()}
    after = {document.text: document.id for document in write(*lines).documents()}
    assert before.items() <= after.items()
    assert len(set(after.values())) == 3


def test_a_repeated_id_is_numbered_and_mentioned(write: Write) -> None:
    source = write({"id": "a", "parts": [TEXT]}, {"id": "a", "parts": [TEXT, TEXT]}, {"id": 3, "parts": [TEXT]})
    assert [document.id for document in source.documents()] == ["a", "a#2", "3"]
    assert "several lines" in source.found.notes[0]


def test_a_split_field_decides_and_a_hash_otherwise(write: Write) -> None:
    rows = [{"id": str(n), "parts": [TEXT]} for n in range(100)]
    assert 0 < len(write(*rows).documents("held_out")) < 15
    declared = write(rows[0] | {"split": "test"}, rows[1] | {"split": "train"}, rows[2])
    assert [document.id for document in declared.documents("held_out")] == ["0"]


def sides(source: JsonlSource) -> dict[str, str]:
    return {document.id: document.split for document in source.found.documents}


def test_where_every_line_says_train_some_are_held_out(write: Write) -> None:
    rows = [{"id": str(n), "parts": [TEXT]} for n in range(30)]
    named = write(*(row | {"split": "train"} for row in rows))
    assert sides(named) == sides(write(*rows)) and set(sides(named).values()) == {"train", "held_out"}


def test_questions_about_one_picture_are_held_out_together_however_its_path_is_written(write: Write) -> None:
    def asked(n: int) -> dict[str, object]:
        picture = {"type": "image", "image": f"{'./' * (n % 2)}{n // 3}.png"}
        return {"id": str(n), "parts": [picture, {"type": "text", "text": f"question {n}"}]}

    found = sides(write(*map(asked, range(120))))
    assert set(found.values()) == {"train", "held_out"}
    assert all(len({found[str(3 * n + i)] for i in range(3)}) == 1 for n in range(40))


def test_the_documents_of_a_declared_group_are_held_out_together(write: Write) -> None:
    found = sides(write(*({"id": str(n), "group": f"g{n % 40}", "parts": [TEXT]} for n in range(120))))
    assert set(found.values()) == {"train", "held_out"}
    assert all(len({found[str(n + 40 * i)] for i in range(3)}) == 1 for n in range(40))


def test_no_picture_is_on_both_sides_where_documents_share_some_of_theirs(write: Write) -> None:
    url = "data:image/png;base64,AAAA"
    shown = [[f"{n // 2}.png", f"more/{n // 3}.png"] for n in range(240)] + [[url, "x.png"], [url, "y.png"]]
    parts = ([TEXT, *({"type": "image", "image": picture} for picture in some)] for some in shown)
    documents = write(*({"id": str(n), "parts": some} for n, some in enumerate(parts))).found.documents
    by_side = [
        {part.value for document in documents if document.split == side for part in document.parts[1:]}
        for side in ("train", "held_out")
    ]
    assert all(by_side) and not by_side[0] & by_side[1]


def test_a_document_stays_on_its_side_when_others_about_its_picture_come_and_when_the_data_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": f"z{n}", "parts": [TEXT, {"type": "image", "image": f"{n}.png"}]} for n in range(100)]
    rows += [row | {"id": f"a{n}"} for n, row in enumerate(rows)]
    found = []
    for folder, some in (("here", rows[:100]), ("there", rows)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.jsonl").write_text("\n".join(map(json.dumps, some)))
        found.append(sides(JsonlSource(tmp_path / folder / "data.jsonl")))
    assert "held_out" in found[0].values() and found[0].items() <= found[1].items()
    monkeypatch.chdir(tmp_path / "there")
    assert sides(JsonlSource(Path("data.jsonl"))) == found[1]


def test_a_group_may_be_given(write: Write) -> None:
    source = write({"id": "a", "parts": [TEXT], "group": "foxes"}, {"id": "b", "parts": [TEXT]})
    assert [document.group for document in source.documents()] == ["foxes", "b"]


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("\ufeff" + json.dumps({"id": "a", "parts": [TEXT]}), encoding="utf-8")
    assert JsonlSource(path)[0].id == "a"


def test_a_file_without_a_document_says_why(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no document: line 1"):
        write("{").documents()
    with pytest.raises(DataError, match="holds no document: line 1: the assistant says nothing"):
        write({"messages": [{"role": "user", "content": [TEXT]}]}).documents()
    with pytest.raises(DataError, match="it is empty"):
        write("").documents()
    with pytest.raises(DataError, match="not there"):
        JsonlSource(tmp_path / "nowhere.jsonl")
