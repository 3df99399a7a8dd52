"""What `motet data check` does: reads, writes down what cannot be used, reports, and draws a contact sheet."""

from __future__ import annotations

from pathlib import Path

import typer

from motet.commands.terminal import errors, output
from motet.data.check import check, write_down
from motet.data.contact_sheet import contact_sheet, own_place
from motet.data.picture_file import check_place
from motet.data.source import open_source


def check_data(spec: str, *, out: Path | None, sheet: Path | None, as_json: bool) -> bool:
    """Whether everything can be used. ``out``: the quarantine file; ``sheet``: the contact sheet; None: where they go.

    Raises DataError for data that cannot be read, and for a file that cannot be written: of the sheet before anything
    is read, of the quarantine after the report.
    """
    source = open_source(spec)
    sheet = sheet or own_place(source.name)
    check_place(sheet)
    report = check(source)
    try:
        write_down(report, out)
    finally:  # what was found is told even if it cannot be kept
        if as_json:
            typer.echo(report.to_json())
        else:
            report.render(output())
    contact_sheet(source.found.documents, sheet)
    errors().print(f"contact sheet: {sheet}", soft_wrap=True, markup=False)
    return not report.problems
