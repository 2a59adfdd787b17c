"""`/api/v1/export`: the whole result of a query, streamed as JSON Lines or CSV.

An export keeps a thread of the server busy until its reader has it all. Few at a time may
do so; others are asked to try again.
"""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from typing import TypeVar, cast

import msgspec
from flask import Blueprint, Flask, Response, current_app, request
from flask.typing import ResponseReturnValue

from indexer import ExportRow, QueryError, export_row, write_instant

from . import params
from .caching import conditional
from .connection import current_engine
from .problems import parameter_problem, unavailable
from .security import safe_cell

T = TypeVar("T")

exports = Blueprint("exports", __name__)

EXTENSION = "storydex.exports"
#: Exports at a time; fewer than the server has threads, so that the others answer.
MOST_EXPORTS = 4
#: Rows written together: large enough that the server is not called for every line.
_CHUNK = 100

CSV_COLUMNS = (
    "id", "score", "title", "excerpt", "url", "published_at", "provider", "domain", "category",
    "type", "topics", "quality", "heat", "published", "related",
)  # fmt: skip


def register(app: Flask) -> None:
    """Give an app its own count of exports under way."""
    app.extensions[EXTENSION] = threading.BoundedSemaphore(MOST_EXPORTS)


@exports.get("/api/v1/export")
@conditional()
def export() -> ResponseReturnValue:
    """The whole result of a query, streamed."""
    wanted, problems = params.read_request(request.args, known=params.EXPORT_PARAMETERS)
    if problems:
        return parameter_problem(problems)
    name = request.args.get("format") or "jsonl"
    if name not in _FORMATS:
        reason = f"{name[:40]!r} is not a format: use {' or '.join(_FORMATS)}"
        raise QueryError("format", reason)
    slots = cast(threading.BoundedSemaphore, current_app.extensions[EXTENSION])
    if not slots.acquire(blocking=False):
        return unavailable(f"{MOST_EXPORTS} exports are under way. Try again in a few seconds.")
    with ExitStack() as held:
        held.callback(slots.release)
        write, content_type = _FORMATS[name]
        rows = map(export_row, current_engine().export(wanted))
        free = held.pop_all().close
        response = Response(_ending(write(rows), free), content_type=content_type)
        response.headers["Content-Disposition"] = f'attachment; filename="stories.{name}"'
        # For an answer of which not even the first line is asked for.
        response.call_on_close(free)
    return response


def _ending(lines: Iterator[bytes], end: Callable[[], None]) -> Iterator[bytes]:
    """The same lines; calls `end` after the last, or when the reader has gone."""
    try:
        yield from lines
    finally:
        end()


def _write_jsonl(rows: Iterable[ExportRow]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for chunk in _chunks(rows):
        yield encoder.encode_lines(chunk)


def _write_csv(rows: Iterable[ExportRow]) -> Iterator[bytes]:
    for chunk in _chunks(chain([list(CSV_COLUMNS)], map(_csv_cells, rows))):
        buffer = io.StringIO()
        csv.writer(buffer).writerows(chunk)
        yield buffer.getvalue().encode()


def _csv_cells(row: ExportRow) -> list[str]:
    """The cells of a row under `CSV_COLUMNS`; `related` is how many articles there are."""
    provider, instant = row.provider, row.published_at
    cells = (
        row.id, row.score, row.title, row.excerpt, row.web_url or row.original_url,
        write_instant(instant) if instant else None, provider.name if provider else None,
        provider.domain if provider else None, row.category, row.type, "; ".join(row.topics),
        row.quality, row.heat, "true" if row.published else "false", len(row.related),
    )  # fmt: skip
    return [_cell(cell) for cell in cells]


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    # A negative number is a number, not a formula.
    return safe_cell(value) if isinstance(value, str) else str(value)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


_FORMATS: dict[str, tuple[Callable[[Iterable[ExportRow]], Iterator[bytes]], str]] = {
    "jsonl": (_write_jsonl, "application/jsonl; charset=utf-8"),
    "csv": (_write_csv, "text/csv; charset=utf-8; header=present"),
}
