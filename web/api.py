"""The HTTP API, version 1: search, facets, suggestions and stories, for programs.

Parameters are those of the page (`params`), answers are the records of `indexer`, errors are
problem documents (`problems`), and `/openapi.json` describes it all (`openapi`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from msgspec.structs import replace

from indexer import (
    FACETS,
    HIT_FIELDS,
    RELATED_LIMIT,
    QueryError,
    StoryNotFound,
    dates_to_json,
    facet_to_json,
    page_to_json,
    similar_to_json,
    story_to_json,
)

from . import params
from .caching import conditional
from .connection import as_listed, current_engine
from .metrics import observe_search
from .openapi import SUGGESTIONS_TYPE, Suggestions, describe_api
from .problems import wanted_by

api = Blueprint("api", __name__)

_SUGGEST_SECONDS = 60


def _json(body: bytes) -> Response:
    return Response(body, mimetype="application/json")


@api.get("/api/v1/search")
@conditional()
def search() -> ResponseReturnValue:
    """A page of ranked hits with facet counts."""
    wanted = wanted_by(request.args, params.API_PARAMETERS)
    limit, fields = _related_limit(), _fields()
    explain = params.read_flag(request.args, "explain", default=False)
    if explain and wanted.limit > params.MAX_EXPLAINED:
        raise QueryError("limit", f"with explain=1 at most {params.MAX_EXPLAINED} hits at a time")
    engine = current_engine()
    page = observe_search(engine.answer(wanted))
    explained = engine.explain_page(page) if explain else {}
    return _json(page_to_json(page, related_limit=limit, fields=fields, explained=explained))


def _related_limit() -> int:
    return params.read_number(
        request.args, "related_limit", RELATED_LIMIT, 0, params.MAX_RELATED_LIMIT
    )


def _fields() -> Sequence[str]:
    """The fields of a hit that are asked for, all where nothing is said."""
    text = params.read_text(request.args, "fields")
    fields = [name.strip() for name in text.split(",")] if text else HIT_FIELDS
    for name in fields:
        if name not in HIT_FIELDS:
            raise QueryError("fields", f"{name[:40]!r} is no field: use {', '.join(HIT_FIELDS)}")
    return fields


@api.get("/api/v1/facets/<facet>")
@conditional()
def facet(facet: str) -> ResponseReturnValue:
    """The values of a facet of which a word begins with `q`, for the same filters and query."""
    if facet not in FACETS:
        raise QueryError("facet", f"{facet[:40]!r} is not a facet: use {', '.join(FACETS)}")
    params.refuse_others(request.args, params.FACET_PARAMETERS)
    args = request.args.copy()
    text, order = args.pop("q", ""), args.pop("sort", "")
    args["q"] = args.pop("query", "")
    limit = params.read_number(args, "limit", params.FACET_LIMIT, 0, params.MAX_FACET_LIMIT)
    args.pop("limit", None)
    wanted = wanted_by(args, params.SEARCH_PARAMETERS)
    rows = current_engine().values_of(
        replace(as_listed(wanted), facet_limit=limit),
        facet,
        text[: params.MAX_VALUE_LENGTH],
        order or "count",
    )
    return _json(facet_to_json(facet, rows))


@api.get("/api/v1/dates")
@conditional()
def dates() -> ResponseReturnValue:
    """When the stories of a search were published, by day, month or year."""
    wanted = wanted_by(request.args, params.SEARCH_PARAMETERS)
    return _json(dates_to_json(current_engine().histogram(as_listed(wanted))))


@api.get("/api/v1/suggest")
@conditional(_SUGGEST_SECONDS)
def suggest() -> ResponseReturnValue:
    """Ways to finish what is being typed."""
    params.refuse_others(request.args, params.SUGGEST_PARAMETERS)
    # Not stripped: a word with a space after it is finished.
    text = request.args.get("q", "")[: params.MAX_VALUE_LENGTH]
    found = current_engine().suggest(text)
    shape = params.read_text(request.args, "format")
    if shape == "opensearch":
        # What browsers expect of the address in /opensearch.xml.
        return Response(msgspec.json.encode([text, found]), mimetype=SUGGESTIONS_TYPE)
    if shape:
        raise QueryError("format", f"{shape[:40]!r} is none: use opensearch, or leave it out")
    return _json(msgspec.json.encode(Suggestions(text, found)))


@api.get("/api/v1/stories/<path:story_id>")
@conditional()
def story(story_id: str) -> ResponseReturnValue:
    """One whole story."""
    params.refuse_others(request.args, ())
    found = current_engine().get(story_id)
    if found is None:
        raise StoryNotFound(story_id)
    return _json(story_to_json(found))


@api.get("/api/v1/stories/<path:story_id>/similar")
@conditional()
def similar(story_id: str) -> ResponseReturnValue:
    """Stories that resemble one, best first."""
    params.refuse_others(request.args, params.SIMILAR_PARAMETERS)
    limit = params.read_number(request.args, "limit", params.SIMILAR_LIMIT, 0, params.MAX_LIMIT)
    related_limit, fields = _related_limit(), _fields()
    hits = current_engine().more_like(story_id, limit=limit)
    return _json(similar_to_json(hits, related_limit=related_limit, fields=fields))


@api.get("/openapi.json")
def openapi() -> Response:
    """The description of this API, OpenAPI 3.1."""
    response = _json(msgspec.json.encode(describe_api(request.root_path)))
    response.headers["Cache-Control"] = "no-cache"
    return response
