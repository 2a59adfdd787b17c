"""The HTTP API, version 1: search, suggestions, stories and export, for programs.

Parameters are those of the page (`params`), errors are problem documents (`problems`),
and `/openapi.json` describes it all (`openapi`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

import msgspec
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from indexer import Hit, QueryError, StoryNotFound, page_to_json

from . import params
from .caching import conditional
from .connection import current_engine
from .documents import CSV_COLUMNS, csv_row, story_document
from .metrics import observe_search
from .openapi import describe_api
from .problems import parameter_problem

T = TypeVar("T")

api = Blueprint("api", __name__)

_SUGGEST_SECONDS = 60
#: Hits written together: large enough that the server is not called for every line.
_CHUNK = 100


def _json(body: bytes) -> Response:
    return Response(body, mimetype="application/json")


@api.get("/api/v1/search")
@conditional()
def search() -> ResponseReturnValue:
    """A page of ranked hits with facet counts."""
    wanted, problems = params.read_request(request.args, known=params.API_PARAMETERS)
    if problems:
        return parameter_problem(problems)
    return _json(page_to_json(observe_search(current_engine().answer(wanted))))


@api.get("/api/v1/suggest")
@conditional(_SUGGEST_SECONDS)
def suggest() -> ResponseReturnValue:
    """Ways to finish what is being typed."""
    # Not stripped: a word with a space after it is finished.
    text = request.args.get("q", "")[: params.MAX_VALUE_LENGTH]
    suggestions = current_engine().suggest(text)
    return _json(msgspec.json.encode({"query": text, "suggestions": suggestions}))


@api.get("/api/v1/stories/<path:story_id>")
@conditional()
def story(story_id: str) -> ResponseReturnValue:
    """One whole story."""
    found = current_engine().get(story_id)
    if found is None:
        raise StoryNotFound(story_id)
    return _json(msgspec.json.encode(story_document(found)))


@api.get("/api/v1/export")
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
    write, content_type = _FORMATS[name]
    response = Response(write(current_engine().export(wanted)), content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="stories.{name}"'
    return response


def _write_jsonl(hits: Iterable[Hit]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for chunk in _chunks(hits):
        lines = [
            encoder.encode({"score": hit.score, **story_document(hit.story)}) + b"\n"
            for hit in chunk
        ]
        yield b"".join(lines)


def _write_csv(hits: Iterable[Hit]) -> Iterator[bytes]:
    rows = chain([list(CSV_COLUMNS)], map(csv_row, hits))
    for chunk in _chunks(rows):
        buffer = io.StringIO()
        csv.writer(buffer).writerows(chunk)
        yield buffer.getvalue().encode()


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


_FORMATS: dict[str, tuple[Callable[[Iterable[Hit]], Iterator[bytes]], str]] = {
    "jsonl": (_write_jsonl, "application/jsonl; charset=utf-8"),
    "csv": (_write_csv, "text/csv; charset=utf-8; header=present"),
}


@api.get("/openapi.json")
def openapi() -> Response:
    """The description of this API, OpenAPI 3.1."""
    response = _json(msgspec.json.encode(describe_api(request.root_path)))
    response.headers["Cache-Control"] = "no-cache"
    return response
