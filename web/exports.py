"""`/api/v1/export`: the whole result of a query as JSON Lines, CSV or a spreadsheet.

An export keeps a thread of the server busy until its reader has it all. Few at a time may
do so; others are asked to try again.
"""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import chain, islice
from typing import TypeAlias, TypeVar, cast
from urllib.parse import quote

import msgspec
from flask import Blueprint, Flask, Response, current_app, request
from flask.typing import ResponseReturnValue

from indexer import ArticleRow, ExportRow, Hit, QueryError, article_rows, export_row, write_instant

from . import params, spreadsheet
from .caching import conditional
from .connection import as_listed, current_engine
from .problems import unavailable, wanted_by
from .security import safe_cell

T = TypeVar("T")

exports = Blueprint("exports", __name__)

EXTENSION = "storydex.exports"
#: Exports at a time; fewer than the server has threads, so that the others answer.
MOST_EXPORTS = 4
#: Rows written together: large enough that the server is not called for every line.
_CHUNK = 100

_SHARED = ("title", "excerpt", "url", "published_at", "provider", "domain", "category", "type")
#: The columns of a CSV file by what has a row each; `related` is how many articles there are.
CSV_COLUMNS = {
    "stories": ("id", "score", *_SHARED, "topics", "quality", "heat", "published", "related"),
    "articles": ("story_id", "story_title", "number", *_SHARED, "quality", "heat"),
}
#: By this a spreadsheet knows that a file is UTF-8.
_BOM = "\ufeff"

Row = ExportRow | ArticleRow
Cell: TypeAlias = str | float | bool | datetime | None

#: Of a query, what a file is named after.
_LONGEST_NAME = 60
_NO_NAME = re.compile(r"[^\w -]+")


def register(app: Flask) -> None:
    """Give an app its own count of exports under way."""
    app.extensions[EXTENSION] = threading.BoundedSemaphore(MOST_EXPORTS)


@exports.get("/api/v1/export")
@conditional()
def export() -> ResponseReturnValue:
    """The whole result of a query, streamed."""
    wanted = wanted_by(request.args, params.EXPORT_PARAMETERS)
    name = _one_of("format", _CONTENT_TYPES)
    if name == "xlsx" and not spreadsheet.is_there():
        raise QueryError("format", "xlsx needs the extra storydex[xlsx] on the server: use csv")
    kind = _one_of("rows", CSV_COLUMNS)
    marked = params.read_flag(request.args, "bom", default=True)
    slots = cast(threading.BoundedSemaphore, current_app.extensions[EXTENSION])
    if not slots.acquire(blocking=False):
        return unavailable(f"{MOST_EXPORTS} exports are under way. Try again in a few seconds.")
    with ExitStack() as held:
        held.callback(slots.release)
        wanted = as_listed(wanted)
        rows = _rows(current_engine().export(wanted), kind)
        lines = _write(name, rows, kind, marked=marked)
        free = held.pop_all().close
        response = Response(_ending(lines, free), content_type=_CONTENT_TYPES[name])
        names = _file_names(kind, wanted.query, name)
        response.headers.set("Content-Disposition", "attachment", **names)
        # For an answer of which not even the first line is asked for.
        response.call_on_close(free)
    return response


def _file_names(kind: str, query: str, suffix: str) -> dict[str, str]:
    """What the file is called, by parameter of the header: RFC 6266, since that is ASCII alone."""
    words = _NO_NAME.sub(" ", query)[:_LONGEST_NAME].split()
    file = f"{' '.join([kind, *words])}.{suffix}"
    if file.isascii():
        return {"filename": file}
    return {"filename": f"{kind}.{suffix}", "filename*": f"UTF-8''{quote(file, safe='')}"}


def _one_of(name: str, values: Collection[str]) -> str:
    """A parameter that has one of some values, the first where it is absent."""
    value = params.read_text(request.args, name) or next(iter(values))
    if value not in values:
        raise QueryError(name, f"{value[:40]!r} is none: use {' or '.join(values)}")
    return value


def _rows(hits: Iterator[Hit], kind: str) -> Iterator[Row]:
    if kind == "articles":
        return chain.from_iterable(map(article_rows, hits))
    return map(export_row, hits)


def _ending(lines: Iterator[bytes], end: Callable[[], None]) -> Iterator[bytes]:
    """The same lines; calls `end` after the last, or when the reader has gone."""
    try:
        yield from lines
    finally:
        end()


def _write(name: str, rows: Iterable[Row], kind: str, *, marked: bool) -> Iterator[bytes]:
    """The file as it is sent; `marked`: CSV with a mark of its coding."""
    if name == "jsonl":
        return _write_jsonl(rows)
    table = chain([CSV_COLUMNS[kind]], map(_cells, rows))
    return _write_csv(table, marked=marked) if name == "csv" else spreadsheet.write(kind, table)


def _write_jsonl(rows: Iterable[Row]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for chunk in _chunks(rows):
        yield encoder.encode_lines(chunk)


def _write_csv(table: Iterable[Iterable[Cell]], *, marked: bool) -> Iterator[bytes]:
    if marked:
        yield _BOM.encode()
    for chunk in _chunks(table):
        buffer = io.StringIO()
        csv.writer(buffer).writerows([map(_text, row) for row in chunk])
        yield buffer.getvalue().encode()


def _cells(row: Row) -> tuple[Cell, ...]:
    """The cells of a row under `CSV_COLUMNS`."""
    provider = row.provider
    shared: tuple[Cell, ...] = (
        row.title, row.excerpt, row.web_url or row.original_url, row.published_at,
        provider.name if provider else None, provider.domain if provider else None,
        row.category, row.type,
    )  # fmt: skip
    if isinstance(row, ArticleRow):
        return (row.story_id, row.story_title, row.number, *shared, row.quality, row.heat)
    return (
        row.id, row.score, *shared, "; ".join(row.topics), row.quality, row.heat,
        row.published, len(row.related),
    )  # fmt: skip


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return safe_cell(cell)
    if isinstance(cell, datetime):
        return write_instant(cell)
    # A negative number is a number, not a formula.
    return str(cell).lower()


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


_CONTENT_TYPES = {
    "jsonl": "application/jsonl; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": spreadsheet.CONTENT_TYPE,
}
