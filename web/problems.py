"""The one place where errors become responses: RFC 9457 for programs, a page for people.

No response tells where the index is or what the code looks like: a location may hold a
password, and messages of unexpected errors may hold anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from flask import Flask, Response, abort, make_response, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from indexer import (
    IndexCorrupt,
    IndexMissing,
    IndexOutdated,
    QueryError,
    QueryTooCostly,
    SearchRequest,
    StorydexError,
    StoryNotFound,
)

from . import params
from .connection import current_connection

PROBLEM_TYPE = "application/problem+json"
#: Everything else is read by people.
_MACHINE_PATHS = (
    "/api/", "/feed.", "/livez", "/metrics", "/openapi.json", "/opensearch.xml", "/readyz",
)  # fmt: skip
_RETRY_SECONDS = "5"

_UNAVAILABLE = "The index cannot be reached at the moment. Try again in a minute."
#: What to say of an index that somebody has to build, and the command that does.
_REMEDIES: dict[type[StorydexError], tuple[str, str]] = {
    IndexMissing: (
        "There is no index yet. Build one from a folder of story files:",
        "storydex rebuild seeds",
    ),
    IndexCorrupt: (
        "The index is damaged. Build it again from the story files:",
        "storydex rebuild --full seeds",
    ),
    IndexOutdated: (
        "The index was made by another version of storydex. Build it again from the story files:",
        "storydex rebuild --full seeds",
    ),
}
_HEADINGS = {
    400: "That cannot be searched",
    404: "Not found",
    414: "That address is too long",
    500: "Something went wrong",
    503: "Not ready yet",
}
_FAILED = "Something went wrong on the server. It has been logged; please try again."


class ParameterError(msgspec.Struct):
    """A parameter that cannot be read, and what to write instead."""

    parameter: str
    detail: str


class Problem(msgspec.Struct, omit_defaults=True):
    """RFC 9457; parameter and errors say which parameters are at fault."""

    type: str
    title: str
    status: int
    detail: str
    parameter: str | None = None
    errors: list[ParameterError] = msgspec.field(default_factory=list)


def for_machines() -> bool:
    """Whether this request came to an address that programs read."""
    return request.path.startswith(_MACHINE_PATHS)


def problem(status: int, detail: str, errors: Sequence[ParameterError] = ()) -> Response:
    """A problem document."""
    title = HTTP_STATUS_CODES.get(status, "Error")
    first = errors[0].parameter if errors else None
    document = Problem("about:blank", title, status, detail, first, [*errors])
    response = Response(msgspec.json.encode(document), status, mimetype=PROBLEM_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def parameter_problem(problems: Sequence[QueryError]) -> Response:
    """400, with every parameter at fault and what to do about it."""
    errors = [ParameterError(one.parameter, one.reason) for one in problems]
    return problem(400, "; ".join(map(str, problems)), errors)


def wanted_by(args: MultiDict[str, str], known: Sequence[str]) -> SearchRequest:
    """The request of an address; where anything of it cannot be read, that is the answer."""
    wanted, problems = params.read_request(args, known=known)
    if problems:
        abort(parameter_problem(problems))
    return wanted


def _answer(status: int, detail: str, command: str = "") -> Response:
    if for_machines():
        return problem(status, f"{detail} {command}" if command else detail)
    heading = _HEADINGS.get(status) or HTTP_STATUS_CODES.get(status, "Error")
    page = render_template("error.html", heading=heading, detail=detail, command=command)
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def unavailable(detail: str, command: str = "") -> Response:
    """503 and when to try again; `command` names what would help."""
    response = _answer(503, detail, command)
    response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def _no_index(error: StorydexError) -> Response:
    current_connection().discard()
    return unavailable(*_REMEDIES.get(type(error), (_UNAVAILABLE, "")))


def _bad_query(error: QueryError) -> Response:
    return parameter_problem([error]) if for_machines() else _answer(400, str(error))


def _too_costly(error: QueryTooCostly) -> Response:
    return _answer(503, str(error))


def _no_story(error: StoryNotFound) -> Response:
    return _answer(404, f"No story has the id {error.story_id!r}. It may have been removed.")


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    response = _answer(status, _FAILED if status >= 500 else error.description or "")
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def register(app: Flask) -> None:
    """Answer every error of an app."""
    app.register_error_handler(QueryError, _bad_query)
    app.register_error_handler(QueryTooCostly, _too_costly)
    app.register_error_handler(StoryNotFound, _no_story)
    app.register_error_handler(StorydexError, _no_index)
    # Unexpected errors arrive here as InternalServerError, logged by Flask.
    app.register_error_handler(HTTPException, _http_error)
