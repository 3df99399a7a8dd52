"""``folder:PATH``: pictures with captions from metadata, from a .txt beside each, or from the names of their folders.

The first form that is found is used for the whole folder:
1. ``metadata.jsonl`` or ``metadata.csv`` anywhere below it, as in Hugging Face's imagefolder: columns ``file_name``
   (relative to the metadata file), ``text`` and, if there is one, ``split``;
2. a .txt of the same name beside a picture;
3. class folders: a picture's caption is its folder's name.
A first folder called ``train``, ``validation``, ``test`` or ``held_out`` splits the data, unless it is the class.
Links to folders are followed.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from motet.data.document import Document, Part
from motet.data.lines import read_lines
from motet.data.picture import SUFFIXES
from motet.data.problem import ItemError, Problem, Reason
from motet.data.source import Found, Source
from motet.data.split import TRAIN, hold_out, is_split, named_split
from motet.errors import DataError

METADATA = ("metadata.jsonl", "metadata.csv")
QUARANTINE = "quarantine.jsonl"


@dataclass(frozen=True)
class _Entry:
    """A picture (its path relative to the folder, with /) and its caption; ``split`` only if the data say so."""

    path: str
    caption: str
    split: str | None = None
    group: str = ""


class FolderSource(Source):
    """A document (caption, picture) for each captioned picture; its id is the picture's path below the folder.

    Raises:
        DataError: no such folder; on reading, no picture in it or no caption in any of the forms.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise DataError(f"folder:{root} needs an existing folder of pictures, and {root} is {_what(root)}")
        self.root = root
        self.name = f"folder:{root}"
        self.quarantine = root / QUARANTINE

    def read(self) -> Found:
        unread: list[str] = []
        files = sorted(_walk(self.root, unread))
        pictures = [path for path in files if Path(path).suffix.lower() in SUFFIXES]
        metadata = _metadata(files)
        if not (pictures or metadata):
            raise DataError(
                f"{self.name} holds no picture ({', '.join(sorted(SUFFIXES))}) and no {' or '.join(METADATA)}"
                + "".join(f"; {remark}" for remark in unread)
            )
        present = set(files)
        if metadata:
            found = [item for path in metadata for item in _from_metadata(self.root, path)]
            found += _unlisted(pictures, found, metadata)
        elif any(_beside(path) in present for path in pictures):
            found = [_from_text(self.root, path, present) for path in pictures]
        else:
            found = [_from_class(path) for path in pictures]
        if not any(isinstance(item, _Entry) for item in found):
            raise DataError(f"{self.name}: {_no_captions(found, len(pictures))}")
        documents = _documents(self.root, [item for item in found if isinstance(item, _Entry)])
        problems = _apart(
            [item for item in found if isinstance(item, Problem)], {document.id for document in documents}
        )
        return Found(tuple(documents), problems, (*_ignored(files), *unread))


def _what(path: Path) -> str:
    return "a file" if path.exists() else "not there"


def _walk(folder: Path, unread: list[str], within: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """Every file below ``folder``, relative to it. Hidden files are no data: macOS leaves '._x.jpg' beside 'x.jpg'.

    A link is followed, but not to a folder that it lies in. A folder that cannot be read leaves a remark in ``unread``.
    """
    here = os.path.realpath(folder)
    if here in above:
        return
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError as error:
        unread.append(f"a folder that cannot be read: {error}")
        return
    for entry in entries:
        if os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir():
            yield from _walk(folder / entry.name, unread, f"{within}{entry.name}/", (*above, here))
        else:
            yield within + entry.name


def _metadata(files: list[str]) -> list[str]:
    """The metadata files, one a folder: JSONL before CSV."""
    by_folder: dict[str, str] = {}
    for name in METADATA:
        for path in files:
            if PurePosixPath(path).name == name:
                by_folder.setdefault(str(PurePosixPath(path).parent), path)
    return sorted(by_folder.values())


def _from_metadata(root: Path, metadata: str) -> Iterator[_Entry | Problem]:
    rows = _jsonl_rows if metadata.endswith(".jsonl") else _csv_rows
    base = PurePosixPath(metadata).parent
    for where, row in rows(root / metadata):
        id = f"{metadata}: {where}"
        try:
            if isinstance(row, ItemError):
                raise row
            file_name = row.get("file_name")
            if not (isinstance(file_name, str) and file_name.strip()):
                raise ItemError(Reason.INVALID_ENTRY, f"{where} has no file_name, only {', '.join(map(str, row))}")
            id = os.path.normpath(base / file_name.strip()).replace(os.sep, "/")
            split = named_split(row["split"]) if row.get("split") else _split_of(id)
            yield _Entry(id, _caption(row, where), split)
        except ItemError as error:
            yield error.problem(id)


def _caption(row: dict[str, Any], where: str) -> str:
    text = row.get("text")
    if not isinstance(text, str):
        raise ItemError(Reason.MISSING_CAPTION, f"{where} has no text, only {', '.join(map(str, row))}")
    if not text.strip():
        raise ItemError(Reason.MISSING_CAPTION, f"{where} has an empty text")
    return text.strip()


def _jsonl_rows(path: Path) -> Iterator[tuple[str, dict[str, Any] | ItemError]]:
    for line in read_lines(path):
        try:
            yield f"line {line.number}", line.parse()
        except ItemError as error:
            yield f"line {line.number}", error


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, Any] | ItemError]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        try:
            missing = {"file_name", "text"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(f"{path} has columns {reader.fieldnames}; expected file_name and text")
            for row in reader:
                where = f"line {reader.line_num}"
                if None in row:
                    surplus = ItemError(
                        Reason.INVALID_ENTRY, f"{where} has too many columns; quote a text that has commas"
                    )
                    yield where, surplus
                else:
                    yield where, row
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(
                f"{path} is no UTF-8 CSV after line {reader.line_num} ({error}); save it as UTF-8"
            ) from error


def _unlisted(pictures: list[str], found: list[_Entry | Problem], metadata: list[str]) -> Iterator[Problem]:
    listed = {item.path if isinstance(item, _Entry) else item.id for item in found}
    for path in pictures:
        if path not in listed:
            yield Problem(path, Reason.MISSING_CAPTION, f"not listed in {', '.join(metadata[:3])}")


def _beside(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(".txt"))


def _from_text(root: Path, path: str, files: set[str]) -> _Entry | Problem:
    if _beside(path) not in files:
        return Problem(path, Reason.MISSING_CAPTION, f"there is no {_beside(path)}")
    try:
        caption = (root / _beside(path)).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        return Problem(path, Reason.UNREADABLE_TEXT, f"{_beside(path)}: {error}")
    if not caption:
        return Problem(path, Reason.MISSING_CAPTION, f"{_beside(path)} is empty")
    return _Entry(path, caption, _split_of(path))


def _from_class(path: str) -> _Entry | Problem:
    folders = PurePosixPath(path).parts[:-1]
    if not folders:
        return Problem(path, Reason.MISSING_CAPTION, "it lies in no class folder, and has no metadata and no .txt")
    caption = " ".join(folders[-1].replace("_", " ").split())
    if not caption:
        return Problem(path, Reason.MISSING_CAPTION, f"its folder's name {folders[-1]!r} has no words")
    return _Entry(path, caption, _split_of(path) if len(folders) > 1 else None, group=caption)


def _split_of(path: str) -> str | None:
    """The split that a first folder such as 'test' names, if it does."""
    first, *rest = PurePosixPath(path).parts
    return named_split(first) if rest and is_split(first) else None


def _documents(root: Path, entries: list[_Entry]) -> list[Document]:
    """A picture that is listed again gets a numbered id, and stays on the same side of the split."""
    count: Counter[str] = Counter()
    documents = []
    for entry in entries:
        count[entry.path] += 1
        id = entry.path if count[entry.path] == 1 else f"{entry.path}#{count[entry.path]}"
        parts = (Part("text", entry.caption), Part("image", root / entry.path))
        documents.append(Document(id, parts, entry.group or entry.path, entry.split or TRAIN))
    if any(entry.split for entry in entries):
        return documents
    return hold_out(documents, _files(root, entries))


def _files(root: Path, entries: list[_Entry]) -> list[str]:
    """A key for each entry: its path, or of the same file under several names the first one's."""
    first: dict[str, str] = {}
    return [first.setdefault(_real(root / entry.path), entry.path) for entry in entries]


def _real(path: Path) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # a NUL in the name
        return str(path)


def _apart(problems: list[Problem], taken: set[str]) -> tuple[Problem, ...]:
    """The problems, renamed where a good entry has the same picture, so that skipping the one keeps the other."""
    return tuple(replace(item, id=f"{item.id} ({item.detail})") if item.id in taken else item for item in problems)


def _no_captions(found: list[_Entry | Problem], n_pictures: int) -> str:
    first = next((f", such as {item.id}: {item.detail}" for item in found if isinstance(item, Problem)), "")
    return (
        f"none of {n_pictures} pictures has a caption{first}. "
        "Give a metadata.jsonl or metadata.csv with file_name and text, a .txt beside each picture, or class folders"
    )


def _ignored(files: list[str]) -> tuple[str, ...]:
    """A remark on files that are neither pictures nor captions: people expect their .heic to be used."""
    known = SUFFIXES | {".txt", ".jsonl", ".csv"}
    counts = Counter(Path(path).suffix.lower() or "no suffix" for path in files)
    others = [f"{n} {suffix}" for suffix, n in counts.most_common() if suffix not in known]
    return (f"files not used: {', '.join(others)}",) if others else ()
