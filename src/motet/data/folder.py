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

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from motet.data.document import Document, Part
from motet.data.metadata import METADATA, metadata_files, metadata_rows
from motet.data.picture import SUFFIXES
from motet.data.problem import ItemError, Problem, Reason
from motet.data.source import Found, Source
from motet.data.split import TRAIN, divided, is_split, named_split
from motet.errors import DataError

QUARANTINE = "quarantine.jsonl"

_WORDS = frozenset({".csv", ".json", ".jsonl", ".tsv", ".txt"})
"""Endings of files that may have been meant as captions."""
_WHERE = (
    f"Captions come from {' or '.join(METADATA)}; without these from a .txt with the name of its picture; "
    "without any from the names of folders"
)


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
        found, captions = _captioned(self.root, pictures, files)
        if not (pictures or captions):
            raise DataError(
                f"{self.name} holds no picture ({', '.join(sorted(SUFFIXES))}) and no {' or '.join(METADATA)}"
                + "".join(f"; {remark}" for remark in unread)
            )
        entries = [item for item in found if isinstance(item, _Entry)]
        if not entries:
            raise DataError(f"{self.name}: {_no_captions(found, len(pictures))}")
        documents = _documents(self.root, entries)
        problems = _apart(
            [item for item in found if isinstance(item, Problem)], {document.id for document in documents}
        )
        used = {QUARANTINE, *pictures, *captions, *(entry.path for entry in entries)}
        return Found(tuple(documents), problems, (*_unused(files, used), *unread))


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


def _captioned(root: Path, pictures: list[str], files: list[str]) -> tuple[list[_Entry | Problem], list[str]]:
    """What the first form that is found gives, and the files that its captions were read from."""
    metadata = metadata_files(files)
    if metadata:
        found = [item for path in metadata for item in _from_metadata(root, path)]
        return [*found, *_unlisted(pictures, found, metadata)], metadata
    texts = _texts(pictures, files)
    if texts:
        return [_from_text(root, path, texts.get(path)) for path in pictures], list(texts.values())
    return [_from_class(path) for path in pictures], []


def _from_metadata(root: Path, metadata: str) -> Iterator[_Entry | Problem]:
    base = PurePosixPath(metadata).parent
    for where, row in metadata_rows(root / metadata):
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


def _unlisted(pictures: list[str], found: list[_Entry | Problem], metadata: list[str]) -> Iterator[Problem]:
    listed = {item.path if isinstance(item, _Entry) else item.id for item in found}
    for path in pictures:
        if path not in listed:
            yield Problem(path, Reason.MISSING_CAPTION, f"not listed in {', '.join(metadata[:3])}")


def _texts(pictures: list[str], files: list[str]) -> dict[str, str]:
    """The .txt beside each picture that has one; it may be called .TXT."""
    by_stem = {_stem(path): path for path in files if path.lower().endswith(".txt")}
    return {path: by_stem[_stem(path)] for path in pictures if _stem(path) in by_stem}


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _from_text(root: Path, path: str, text: str | None) -> _Entry | Problem:
    if text is None:
        return Problem(path, Reason.MISSING_CAPTION, f"there is no {_stem(path)}.txt")
    try:
        caption = (root / text).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        return Problem(path, Reason.UNREADABLE_TEXT, f"{text}: {error}")
    if not caption:
        return Problem(path, Reason.MISSING_CAPTION, f"{text} is empty")
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
    return divided(documents, _files(root, entries))


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


def _unused(files: list[str], used: set[str]) -> tuple[str, ...]:
    """A remark on files that nothing comes from: people expect their .heic and their captions.csv to be used."""
    by_suffix: dict[str, list[str]] = {}
    for path in files:
        if path not in used:
            by_suffix.setdefault(Path(path).suffix.lower() or "no suffix", []).append(path)
    if not by_suffix:
        return ()
    told = [
        f"{len(paths)} {suffix} ({_printable(paths[0])}{', ...' if len(paths) > 1 else ''})"
        for suffix, paths in sorted(by_suffix.items(), key=lambda item: -len(item[1]))
    ]
    return (f"files not used: {', '.join(told)}" + (f". {_WHERE}" if by_suffix.keys() & _WORDS else ""),)


def _printable(path: str) -> str:
    """A name that is no UTF-8 holds characters that a terminal cannot print."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
