import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from motet.data.document import Document
from motet.data.folder import FolderSource
from motet.data.problem import Reason
from motet.errors import DataError

Paint = Callable[..., Path]


def read(root: Path) -> tuple[dict[str, Document], dict[str, str]]:
    found = FolderSource(root).found
    documents = {document.id: document for document in found.documents}
    assert len(documents) == len(found.documents)
    return documents, {problem.id: problem.reason for problem in found.problems}


def captions(root: Path) -> dict[str, str]:
    return {id: document.text for id, document in read(root)[0].items()}


def write_lines(path: Path, *rows: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))


def test_captions_come_from_metadata_jsonl(tmp_path: Path, paint: Paint) -> None:
    paint("a.png"), paint("deep/b.JPG")
    rows = {"file_name": "a.png", "text": "a fox"}, {"file_name": "deep/b.JPG", "text": " a hare\n", "artist": "me"}
    write_lines(tmp_path / "metadata.jsonl", *rows)
    assert captions(tmp_path) == {"a.png": "a fox", "deep/b.JPG": "a hare"}


def test_captions_come_from_metadata_csv(tmp_path: Path, paint: Paint) -> None:
    paint("a.png"), paint("b.png")
    (tmp_path / "metadata.csv").write_text('\ufefftext,file_name\n"red, and sly",a.png\nbrün,b.png\n', encoding="utf-8")
    assert captions(tmp_path) == {"a.png": "red, and sly", "b.png": "brün"}


def test_metadata_in_a_folder_below_names_files_relative_to_itself(tmp_path: Path, paint: Paint) -> None:
    paint("train/a.png"), paint("test/a.png")
    write_lines(tmp_path / "train/metadata.jsonl", {"file_name": "a.png", "text": "one"})
    write_lines(tmp_path / "test/metadata.jsonl", {"file_name": "a.png", "text": "two"})
    documents, _ = read(tmp_path)
    assert {id: (document.text, document.split) for id, document in documents.items()} == {
        "train/a.png": ("one", "train"),
        "test/a.png": ("two", "held_out"),
    }


def test_captions_come_from_a_text_beside_each_picture(tmp_path: Path, paint: Paint) -> None:
    paint("a.png"), paint("sub/b.png")
    (tmp_path / "a.txt").write_text("a fox\n")
    (tmp_path / "sub/b.txt").write_text("a hare")
    assert captions(tmp_path) == {"a.png": "a fox", "sub/b.png": "a hare"}


def test_captions_come_from_class_folders(tmp_path: Path, paint: Paint) -> None:
    paint("red_fox/1.png"), paint("red_fox/2.png"), paint("hare/1.png")
    documents, _ = read(tmp_path)
    assert captions(tmp_path) == {"red_fox/1.png": "red fox", "red_fox/2.png": "red fox", "hare/1.png": "hare"}
    assert {document.group for document in documents.values()} == {"red fox", "hare"}


def test_split_folders_of_class_folders_split(tmp_path: Path, paint: Paint) -> None:
    paint("train/fox/1.png"), paint("validation/fox/2.png")
    documents, _ = read(tmp_path)
    assert [(document.text, document.split) for document in documents.values()] == [
        ("fox", "train"),
        ("fox", "held_out"),
    ]


def test_a_class_may_be_called_train(tmp_path: Path, paint: Paint) -> None:
    for n in range(4):
        paint(f"train/{n}.png"), paint(f"plane/{n}.png")
    documents, _ = read(tmp_path)
    assert {document.text for document in documents.values()} == {"train", "plane"}
    assert sum(document.split == "held_out" for document in documents.values()) == 1


def test_metadata_comes_before_texts_and_texts_before_class_folders(tmp_path: Path, paint: Paint) -> None:
    paint("fox/a.png")
    assert captions(tmp_path) == {"fox/a.png": "fox"}
    (tmp_path / "fox/a.txt").write_text("from the text")
    assert captions(tmp_path) == {"fox/a.png": "from the text"}
    (tmp_path / "metadata.csv").write_text("file_name,text\nfox/a.png,from the csv\n")
    assert captions(tmp_path) == {"fox/a.png": "from the csv"}
    write_lines(tmp_path / "metadata.jsonl", {"file_name": "fox/a.png", "text": "from the jsonl"})
    assert captions(tmp_path) == {"fox/a.png": "from the jsonl"}


def test_a_split_column_decides_the_split(tmp_path: Path, paint: Paint) -> None:
    rows = [{"file_name": paint(f"{n}.png").name, "text": str(n), "split": "train"} for n in range(5)]
    rows[1]["split"], rows[3]["split"] = "validation", ""
    write_lines(tmp_path / "metadata.jsonl", *rows)
    documents, _ = read(tmp_path)
    assert [id for id, document in documents.items() if document.split == "held_out"] == ["1.png"]


def test_where_all_that_is_named_is_train_some_are_held_out_as_without_names(tmp_path: Path, paint: Paint) -> None:
    for n in range(30):
        paint(f"train/{'fox' if n % 2 else 'hare'}/{n}.png")
    splits = Counter(document.split for document in read(tmp_path)[0].values())
    assert splits["train"] > splits["held_out"] > 0 and splits.total() == 30


def test_without_a_split_column_a_picture_keeps_its_split_when_others_come(tmp_path: Path, paint: Paint) -> None:
    def held_out() -> set[str]:
        return {id for id, document in read(tmp_path)[0].items() if document.split == "held_out"}

    for n in range(60):
        paint(f"fox/{n}.png")
    before = held_out()
    for n in range(60):
        paint(f"ape/{n}.png")
    assert before
    assert {id for id in held_out() if id.startswith("fox")} == before


def test_two_captions_of_one_picture_are_two_documents_on_the_same_side(tmp_path: Path, paint: Paint) -> None:
    rows = [{"file_name": paint(f"{n // 2}.png").name, "text": f"caption {n}"} for n in range(80)]
    write_lines(tmp_path / "metadata.jsonl", *rows)
    documents, _ = read(tmp_path)
    assert len(documents) == 80
    assert (documents["7.png"].text, documents["7.png#2"].text) == ("caption 14", "caption 15")
    assert all(documents[f"{n}.png"].split == documents[f"{n}.png#2"].split for n in range(40))


def test_bad_rows_are_reported_and_the_others_are_read(tmp_path: Path, paint: Paint) -> None:
    for name in ("good", "untold", "blank", "number", "spare"):
        paint(f"{name}.png")
    write_lines(
        tmp_path / "metadata.jsonl",
        '{"file_name": "cut',
        {"text": "no file name"},
        {"file_name": "blank.png", "text": "  "},
        {"file_name": "number.png", "text": 7},
        {"file_name": "spare.png", "text": "x", "split": "spare"},
        "[1, 2]",
        {"file_name": "good.png", "text": "good"},
    )
    documents, problems = read(tmp_path)
    assert list(documents) == ["good.png"]
    assert problems == {
        "metadata.jsonl: line 1": Reason.INVALID_JSON,
        "metadata.jsonl: line 2": Reason.INVALID_ENTRY,
        "blank.png": Reason.MISSING_CAPTION,
        "number.png": Reason.MISSING_CAPTION,
        "spare.png": Reason.INVALID_ENTRY,
        "metadata.jsonl: line 6": Reason.INVALID_JSON,
        "untold.png": Reason.MISSING_CAPTION,
    }


def test_an_unquoted_comma_does_not_cut_a_caption_silently(tmp_path: Path, paint: Paint) -> None:
    paint("a.png"), paint("b.png")
    (tmp_path / "metadata.csv").write_text("file_name,text\na.png,red, and sly\nb.png,brown\n")
    documents, problems = read(tmp_path)
    assert list(documents) == ["b.png"]
    assert problems["metadata.csv: line 2"] == Reason.INVALID_ENTRY


def test_a_cell_that_is_too_long_is_one_bad_row(tmp_path: Path, paint: Paint) -> None:
    paint("a.png"), paint("b.png"), paint("c.png")
    (tmp_path / "metadata.csv").write_text(f"file_name,text\na.png,a fox\nb.png,{'b' * 140_000}\nc.png,a hare\n")
    assert captions(tmp_path) == {"a.png": "a fox", "c.png": "a hare"}
    problem = next(problem for problem in FolderSource(tmp_path).found.problems if problem.id != "b.png")
    assert (problem.id, problem.reason) == ("metadata.csv: line 3", Reason.INVALID_ENTRY)
    assert "larger than field limit" in problem.detail and "a quote that is not closed" in problem.detail


def test_a_good_row_is_kept_beside_a_bad_row_for_the_same_picture(tmp_path: Path, paint: Paint) -> None:
    paint("a.png")
    write_lines(tmp_path / "metadata.jsonl", {"file_name": "a.png", "text": ""}, {"file_name": "a.png", "text": "fox"})
    documents, problems = read(tmp_path)
    assert documents["a.png"].text == "fox"
    assert list(problems.values()) == [Reason.MISSING_CAPTION]
    assert "a.png" not in problems


def test_pictures_without_their_text_are_reported(tmp_path: Path, paint: Paint) -> None:
    paint("a.png"), paint("b.png"), paint("c.png"), paint("d.png")
    (tmp_path / "a.txt").write_text("a fox")
    (tmp_path / "b.txt").write_text(" \n")
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\xff")
    documents, problems = read(tmp_path)
    assert list(documents) == ["a.png"]
    assert problems == {
        "b.png": Reason.MISSING_CAPTION,
        "c.png": Reason.UNREADABLE_TEXT,
        "d.png": Reason.MISSING_CAPTION,
    }


def test_a_picture_in_no_class_folder_is_reported(tmp_path: Path, paint: Paint) -> None:
    paint("fox/a.png"), paint("stray.png")
    assert read(tmp_path)[1] == {"stray.png": Reason.MISSING_CAPTION}


def test_hidden_files_are_no_data_and_unused_ones_are_mentioned(tmp_path: Path, paint: Paint) -> None:
    paint("fox/a.png")
    (tmp_path / "fox/._a.png").touch()
    (tmp_path / ".cache").mkdir()
    paint(".cache/b.png")
    (tmp_path / "fox/c.heic").touch()
    found = FolderSource(tmp_path).found
    assert [document.id for document in found.documents] == ["fox/a.png"]
    assert found.problems == ()
    assert "1 .heic" in found.notes[0]


def test_files_that_look_like_captions_and_are_not_read_are_told_by_name(tmp_path: Path, paint: Paint) -> None:
    paint("images/a.png")
    (tmp_path / "captions.csv").write_text("file_name,text\nimages/a.png,a fox\n")
    (note,) = FolderSource(tmp_path).found.notes
    assert note.startswith("files not used: 1 .csv (captions.csv). Captions come from metadata.jsonl or metadata.csv;")
    (tmp_path / "images/a.txt").write_text("a fox")
    (tmp_path / "images/b.txt").write_text("a hare")
    (note,) = FolderSource(tmp_path).found.notes
    assert note.startswith("files not used: 1 .csv (captions.csv), 1 .txt (images/b.txt). ")
    (tmp_path / "captions.csv").rename(tmp_path / "metadata.csv")
    (note,) = FolderSource(tmp_path).found.notes
    assert note.startswith("files not used: 2 .txt (images/a.txt, ...). ")


def test_of_two_metadata_files_in_a_folder_the_one_that_is_not_read_is_told(tmp_path: Path, paint: Paint) -> None:
    write_lines(tmp_path / "metadata.jsonl", {"file_name": paint("a.png").name, "text": "a fox"})
    (tmp_path / "metadata.csv").write_text("file_name,text\na.png,a hare\n")
    assert captions(tmp_path) == {"a.png": "a fox"}
    (note,) = FolderSource(tmp_path).found.notes
    assert note.startswith("files not used: 1 .csv (metadata.csv). ")


def test_what_is_read_is_not_called_unused(tmp_path: Path, paint: Paint) -> None:
    paint("a.png").rename(tmp_path / "a.jfif")  # what is listed is opened, whatever it is called
    write_lines(tmp_path / "metadata.jsonl", {"file_name": "a.jfif", "text": "a fox"})
    (tmp_path / "quarantine.jsonl").touch()
    found = FolderSource(tmp_path).found
    assert [document.id for document in found.documents] == ["a.jfif"] and found.notes == ()
    (tmp_path / "metadata.jsonl").unlink()
    paint("a.png")
    (tmp_path / "a.jfif").unlink()
    (tmp_path / "a.txt").write_text("a fox")
    assert FolderSource(tmp_path).found.notes == ()


def test_captions_are_found_whatever_the_case_of_their_files_names(tmp_path: Path, paint: Paint) -> None:
    paint("class/IMG_1.JPG")
    (tmp_path / "class/IMG_1.TXT").write_text("from the text")
    assert captions(tmp_path) == {"class/IMG_1.JPG": "from the text"}
    (tmp_path / "class/Metadata.CSV").write_text("file_name,text\nIMG_1.JPG,from the csv\n")
    assert captions(tmp_path) == {"class/IMG_1.JPG": "from the csv"}
    write_lines(tmp_path / "class/METADATA.JSONL", {"file_name": "IMG_1.JPG", "text": "from the jsonl"})
    assert captions(tmp_path) == {"class/IMG_1.JPG": "from the jsonl"}


def test_linked_folders_are_read_and_a_link_back_is_no_endless_way(tmp_path: Path, paint: Paint) -> None:
    paint("elsewhere/fox/1.png"), paint("data/hare/1.png")
    root = tmp_path / "data"
    (root / "fox").symlink_to(tmp_path / "elsewhere" / "fox")
    (root / "hare" / "back").symlink_to(root)
    (root / "hare" / "itself").symlink_to(root / "hare" / "itself")
    assert captions(root) == {"fox/1.png": "fox", "hare/1.png": "hare"}


def test_one_file_under_two_names_is_on_one_side(tmp_path: Path, paint: Paint) -> None:
    for n in range(60):
        paint(f"all/{n}.png")
    (tmp_path / "again").symlink_to(tmp_path / "all")
    documents, _ = read(tmp_path)
    assert len(documents) == 120
    assert {document.split for document in documents.values()} == {"train", "held_out"}
    assert all(documents[f"all/{n}.png"].split == documents[f"again/{n}.png"].split for n in range(60))


def test_a_folder_that_cannot_be_read_is_mentioned(
    tmp_path: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scandir(folder: Path) -> object:
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied", str(folder))
        return opened(folder)

    paint("fox/1.png"), paint("locked/2.png")
    opened = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    found = FolderSource(tmp_path).found
    monkeypatch.undo()
    assert [document.id for document in found.documents] == ["fox/1.png"]
    assert "a folder that cannot be read: [Errno 13] Permission denied" in found.notes[0]


def test_tiff_files_are_pictures(tmp_path: Path, paint: Paint) -> None:
    paint("fox/1.tif"), paint("fox/2.TIFF")
    documents, problems = read(tmp_path)
    assert list(documents) == ["fox/1.tif", "fox/2.TIFF"] and not problems
    assert all(document.parts[1].load() for document in documents.values())


def test_a_picture_with_a_nul_in_its_name_is_an_entry_like_others(tmp_path: Path, paint: Paint) -> None:
    paint("a.png")
    write_lines(
        tmp_path / "metadata.jsonl", {"file_name": "a.png", "text": "fox"}, {"file_name": "b\0.png", "text": "hare"}
    )
    documents, _ = read(tmp_path)
    assert {document.text for document in documents.values()} == {"fox", "hare"}


def test_opening_a_folder_decodes_nothing(tmp_path: Path) -> None:
    (tmp_path / "fox").mkdir()
    (tmp_path / "fox/a.png").write_bytes(b"not a picture")
    document = FolderSource(tmp_path)[0]
    assert not isinstance(document.parts[1].value, Image.Image)
    with pytest.raises(DataError, match="not an image"):
        document.parts[1].load()


@pytest.mark.parametrize("header", ["picture,caption", "", "file_name;text"])
def test_a_csv_without_its_columns_says_which_it_needs(tmp_path: Path, paint: Paint, header: str) -> None:
    paint("a.png")
    (tmp_path / "metadata.csv").write_text(f"{header}\na.png,fox\n")
    with pytest.raises(DataError, match="expected file_name and text, with commas between the columns"):
        FolderSource(tmp_path).documents()


def test_a_csv_that_is_not_utf8_says_so(tmp_path: Path, paint: Paint) -> None:
    paint("a.png")
    (tmp_path / "metadata.csv").write_bytes("file_name,text\na.png,brün\n".encode("latin-1"))
    with pytest.raises(DataError, match="save it as UTF-8"):
        FolderSource(tmp_path).documents()


def test_a_csv_whose_first_line_cannot_be_read_says_what_it_should_hold(tmp_path: Path, paint: Paint) -> None:
    paint("a.png")
    (tmp_path / "metadata.csv").write_text('file_name,"' + "text" * 40_000)
    with pytest.raises(DataError, match=r"cannot be read .*it should name file_name and text"):
        FolderSource(tmp_path).documents()


def test_a_folder_without_captions_says_what_it_needs(tmp_path: Path, paint: Paint) -> None:
    paint("a.png")
    with pytest.raises(DataError, match=r"none of 1 pictures has a caption.*metadata\.jsonl.*class folders"):
        FolderSource(tmp_path).documents()


def test_an_empty_folder_and_a_missing_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no picture"):
        FolderSource(tmp_path).documents()
    with pytest.raises(DataError, match="not there"):
        FolderSource(tmp_path / "nowhere")
