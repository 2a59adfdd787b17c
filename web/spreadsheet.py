"""Tables as spreadsheets (XLSX), by the library of the extra `storydex[xlsx]`.

Rows go to a file on disk as they come, so a table of any length takes the same memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from importlib.util import find_spec
from typing import Any

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: What a sheet and a cell hold at most; a longer table goes on in another sheet.
MOST_ROWS, _MOST_CHARACTERS = 1 << 20, 32_767
_FIRST_YEAR = 1900
_READ = 1 << 16
_OPTIONS = {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}


def is_there() -> bool:
    """Whether the library is installed."""
    return find_spec("xlsxwriter") is not None


def write(title: str, table: Iterable[Iterable[object]], most: int = MOST_ROWS) -> Iterator[bytes]:
    """A file of a table whose first row has the names of its columns; `most` rows a sheet."""
    import xlsxwriter

    rows = iter(table)
    head = tuple(next(rows))
    with tempfile.TemporaryFile() as file:
        with xlsxwriter.Workbook(file, _OPTIONS) as book:
            bold, number = book.add_format({"bold": True}), 1
            sheet = _begin(book, title, head, bold)
            at = 1
            for row in rows:
                if at == most:
                    number, at = number + 1, 1
                    sheet = _begin(book, f"{title} {number}", head, bold)
                for column, cell in enumerate(row):
                    _fill(sheet, at, column, cell)
                at += 1
        file.seek(0)
        yield from iter(lambda: file.read(_READ), b"")


def _begin(book: Any, title: str, head: tuple[object, ...], bold: Any) -> Any:
    sheet = book.add_worksheet(title)
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, head, bold)
    return sheet


def _fill(sheet: Any, row: int, column: int, cell: object) -> None:
    if isinstance(cell, str):
        # As text, whatever it begins with: no formula, no link.
        sheet.write_string(row, column, cell[:_MOST_CHARACTERS])
    elif isinstance(cell, datetime) and cell.year < _FIRST_YEAR:
        sheet.write_string(row, column, cell.isoformat())
    elif isinstance(cell, datetime):
        sheet.write_datetime(row, column, cell.astimezone(timezone.utc).replace(tzinfo=None))
    elif isinstance(cell, bool):
        sheet.write_boolean(row, column, cell)
    elif cell is not None:
        sheet.write_number(row, column, cell)
