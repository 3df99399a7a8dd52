"""``jsonl:PATH``: one interleaved document a line, as chat content parts in any order and number.

    {"id": "a", "parts": [{"type": "text", "text": "a fox"}, {"type": "image", "image": "fox.png"}]}
    {"messages": [{"role": "user", "content": "draw a fox"},
                  {"role": "assistant", "content": [{"type": "image", "image": "fox.png"}]}]}

A picture is a path relative to the file, or a ``data:image/...;base64,`` URL; ``image_url`` parts are read as well.
What a user or the system says is condition only (``learn=False``). ``split`` and ``group`` may stand beside ``id``. A
line without an id is called by a hash of its content, so that moving it does not change what it is called. Lines that
share a picture or a group are held out together.
"""

from __future__ import annotations

import os
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from typing import Any

from motet.data.document import Document, Part
from motet.data.lines import Line, read_lines
from motet.data.problem import ItemError, Problem, Reason, shown
from motet.data.source import Found, Source
from motet.data.split import TRAIN, divided, joined, named_split
from motet.errors import DataError

_LEARN = {"system": False, "developer": False, "user": False, "assistant": True}

_LONGEST_PATH, _LONGEST_NAME = 1000, 255
"""Characters of a path and of a name in it. Hardly a path has more, and no name can: it is a picture, in base64."""


class JsonlSource(Source):
    """A document for each line that can be read; the others are reported with their line number.

    Raises:
        DataError: no such file; on reading, not one line that is a document.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise DataError(
                f"jsonl:{path} needs an existing file, and {path} is {'a folder' if path.exists() else 'not there'}"
            )
        self.path = path
        self.name = f"jsonl:{path}"
        self.quarantine = path.with_name(path.name + ".quarantine.jsonl")

    def read(self) -> Found:
        documents: list[Document] = []
        names: list[list[str]] = []
        problems: list[Problem] = []
        ids: Counter[str] = Counter()
        for line in read_lines(self.path):
            id = _hash(line)
            try:
                row = line.parse()
                id = _id(row, id)
                ids[id] += 1
                id = id if ids[id] == 1 else f"{id}#{ids[id]}"
                documents.append(_document(row, id, self.path.parent))
                names.append(_names(row, documents[-1], self.path.parent))
            except ItemError as error:
                detail = error.detail if error.detail.startswith("line ") else f"line {line.number}: {error.detail}"
                problems.append(Problem(id, error.reason, detail))
        if not documents:
            raise DataError(
                f"{self.name} holds no document" + (f": {problems[0].detail}" if problems else "; it is empty")
            )
        return Found(tuple(divided(documents, joined(names))), tuple(problems), _repeated(ids))


def _hash(line: Line) -> str:
    return "line-" + blake2b(line.raw, digest_size=6).hexdigest()


def _id(row: dict[str, Any], otherwise: str) -> str:
    id = row.get("id", otherwise)
    if isinstance(id, bool) or not isinstance(id, str | int) or not str(id).strip():
        raise ItemError(Reason.INVALID_ENTRY, f"its id is {id!r}; expected a string or a number")
    return str(id)


def _document(row: dict[str, Any], id: str, base: Path) -> Document:
    """Raises ItemError: neither parts nor messages, a part of an unknown form, pictures without a word, no answer."""
    if ("parts" in row) == ("messages" in row):
        raise ItemError(Reason.INVALID_ENTRY, f"expected either 'parts' or 'messages', got {', '.join(map(repr, row))}")
    parts = _content(row["parts"], base, learn=True) if "parts" in row else _messages(row["messages"], base)
    if not parts:
        raise ItemError(Reason.INVALID_ENTRY, "it has no parts")
    if not any(part.modality == "text" for part in parts):
        raise ItemError(Reason.MISSING_CAPTION, "it has pictures and no text")
    if not any(part.learn for part in parts):
        raise ItemError(Reason.NOTHING_TO_LEARN, "the assistant says nothing; expected a message with role 'assistant'")
    group = row.get("group")
    split = named_split(row["split"]) if row.get("split") else TRAIN
    return Document(id, tuple(parts), group if isinstance(group, str) and group else id, split)


def _names(row: dict[str, Any], document: Document, base: Path) -> list[str]:
    """What it may share with other documents: its group, if it says one, and its pictures; or, having neither, its id.

    A group comes first in the alphabet, so that the key stays the same when a group gets more pictures.
    """
    names = [f"group {document.group}"] if isinstance(row.get("group"), str) and row["group"] else []
    names += [f"picture {_name(part.value, base)}" for part in document.parts if part.modality == "image"]
    return names or [document.id]


def _name(picture: Any, base: Path) -> str:
    """The same for the same picture, wherever the data lie: its path from ``base``, or a hash of a ``data:`` URL."""
    if isinstance(picture, Path):
        return os.path.relpath(picture, base)
    return "data:" + blake2b(str(picture).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _messages(messages: Any, base: Path) -> list[Part]:
    if not isinstance(messages, list):
        raise ItemError(Reason.INVALID_ENTRY, f"'messages' is a {type(messages).__name__}; expected a list")
    parts = []
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or role not in _LEARN:
            raise ItemError(Reason.INVALID_ENTRY, f"a message has role {role!r}; expected one of {', '.join(_LEARN)}")
        parts += _content(message.get("content"), base, learn=_LEARN[role])
    return parts


def _content(content: Any, base: Path, *, learn: bool) -> list[Part]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise ItemError(
            Reason.INVALID_ENTRY, f"content is a {type(content).__name__}; expected a string or a list of parts"
        )
    return [_part(part, base, learn) for part in content]


def _part(part: Any, base: Path, learn: bool) -> Part:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        text = part.get("text")
        if not isinstance(text, str):
            raise ItemError(Reason.INVALID_ENTRY, f"a text part holds {text!r}; expected a string under 'text'")
        if not text.strip():
            raise ItemError(Reason.EMPTY_TEXT, f"a text part holds {text!r}")
        return Part("text", text, learn)
    if kind == "image":
        return Part("image", _picture(part.get("image"), base), learn)
    if kind == "image_url":
        url = part.get("image_url")
        return Part("image", _picture(url.get("url") if isinstance(url, dict) else url, base), learn)
    raise ItemError(Reason.INVALID_ENTRY, f"a part has type {kind!r}; expected 'text', 'image' or 'image_url'")


def _picture(where: Any, base: Path) -> Path | str:
    if not (isinstance(where, str) and where):
        raise ItemError(Reason.INVALID_ENTRY, f"a picture is {shown(where)}; expected a path or a data: URL")
    if where.startswith("data:"):
        return where
    if "://" in where:
        raise ItemError(
            Reason.MISSING_FILE, f"{shown(where)} is elsewhere, and nothing is fetched: save it and give its path"
        )
    if len(where) > _LONGEST_PATH or any(len(name) > _LONGEST_NAME for name in Path(where).parts):
        raise ItemError(
            Reason.INVALID_ENTRY,
            f"{shown(where)} of {len(where):,} characters is no path; "
            "if it is base64, give it as a URL: data:image/png;base64,...",
        )
    return base / where


def _repeated(ids: Counter[str]) -> tuple[str, ...]:
    repeated = [id for id, count in ids.items() if count > 1]
    return (f"ids that stand on several lines, numbered here: {', '.join(repeated[:5])}",) if repeated else ()
