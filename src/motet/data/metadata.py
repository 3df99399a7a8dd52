"""Metadata files of a folder of pictures, as in Hugging Face's imagefolder: a row a picture, in JSON lines or CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from motet.data.lines import read_lines
from motet.data.problem import ItemError, Reason, shown
from motet.errors import DataError

METADATA = ("metadata.jsonl", "metadata.csv")
"""What they are called, in letters of any case."""

_COLUMNS = ("file_name", "text")


def metadata_files(files: Sequence[str]) -> list[str]:
    """Those of ``files`` that are metadata, one a folder: JSONL before CSV."""
    by_folder: dict[str, str] = {}
    for name in METADATA:
        for path in files:
            if PurePosixPath(path).name.lower() == name:
                by_folder.setdefault(str(PurePosixPath(path).parent), path)
    return sorted(by_folder.values())


def metadata_rows(path: Path) -> Iterator[tuple[str, dict[str, Any] | ItemError]]:
    """Where each row stands ("line 3") and its fields by column, or what is wrong with it.

    Raises:
        DataError: a CSV without the columns ``file_name`` and ``text``, or not in UTF-8.
    """
    return _csv_rows(path) if path.suffix.lower() == ".csv" else _jsonl_rows(path)


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
            _check_columns(path, reader)
            while (row := _next_row(reader)) is not None:
                yield _where(reader), row
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is no UTF-8 after {_where(reader)} ({error}); save it as UTF-8") from error


def _where(reader: csv.DictReader) -> str:
    return f"line {reader.reader.line_num}"  # its own line_num stops at the last good row


def _check_columns(path: Path, reader: csv.DictReader) -> None:
    try:
        columns = list(reader.fieldnames or ())
    except csv.Error as error:
        raise DataError(
            f"the first line of {path} cannot be read ({error}); it should name {' and '.join(_COLUMNS)}"
        ) from error
    if not set(_COLUMNS) <= set(columns):
        raise DataError(
            f"{path} has columns {shown(columns)}; expected {' and '.join(_COLUMNS)}, with commas between the columns"
        )


def _next_row(reader: csv.DictReader) -> dict[str, Any] | ItemError | None:
    """The next row, or what is wrong with it; None at the end. The reader goes on at the line after a bad one."""
    try:
        row = next(reader, None)
    except csv.Error as error:  # a cell of over 131,072 characters: mostly one that never ends
        return ItemError(Reason.INVALID_ENTRY, f"{_where(reader)}: {error}; look for a quote that is not closed")
    if row is not None and None in row:
        return ItemError(Reason.INVALID_ENTRY, f"{_where(reader)} has too many columns; quote a text that has commas")
    return row
