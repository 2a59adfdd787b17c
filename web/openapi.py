"""The description of the HTTP API, OpenAPI 3.1; served by `api`, checked in the tests.

Names that the code decides (facets, orders, limits) are taken from it, so that the
document cannot drift.
"""

from __future__ import annotations

from typing import Any

from indexer import FACETS, SORTS

from . import params
from .problems import PROBLEM_TYPE

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_LINK: Schema = {"type": ["string", "null"], "format": "uri"}
_INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}
_NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}

_FILTER_HINTS = {
    "provider": "A provider's domain: its own stories and those whose coverage it is part of.",
    "lead_provider": "A provider's domain: its own stories alone.",
    "topic": "A topic.",
    "category": "A category.",
    "type": "A type, such as article.",
    "year": "A year, 2022.",
    "month": "A month, 2022-05.",
    "published": "true or false.",
}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


def _parameter(name: str, schema: Schema, description: str, place: str = "query") -> Schema:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": schema,
    }


def _filters() -> list[Schema]:
    return [
        _parameter(facet, _list(_TEXT), f"{_FILTER_HINTS[facet]} Repeat it for alternatives.")
        for facet in FACETS
    ]


def _request_parameters() -> list[Schema]:
    day = "A day (2022-05-31), a month, a year or an instant"
    return [
        _parameter("q", _TEXT, "What to search for; without it all stories, newest first."),
        *_filters(),
        _parameter("since", _TEXT, f"{day}: nothing older."),
        _parameter("until", _TEXT, f"{day}: nothing younger."),
        _parameter(
            "sort",
            {"type": "string", "enum": list(SORTS)},
            "The order; default relevance, or newest without q.",
        ),
    ]


def _paging_parameters() -> list[Schema]:
    limit = {"type": "integer", "minimum": 0, "maximum": params.MAX_LIMIT}
    offset = {"type": "integer", "minimum": 0, "maximum": params.MAX_OFFSET, "default": 0}
    facet = _list({"type": "string", "enum": list(FACETS)})
    return [
        _parameter("limit", {**limit, "default": params.PAGE_SIZE}, "Hits on a page."),
        _parameter("offset", offset, "Hits to pass over."),
        _parameter(
            "page",
            {"type": "integer", "minimum": 1, "default": 1},
            "A page, instead of offset; counts from 1.",
        ),
        _parameter("facet", facet, "Facets to count, repeatable; default provider."),
    ]


def _get(
    operation: str, summary: str, parameters: list[Schema], content: Schema, *failures: str
) -> Schema:
    responses: Schema = {"200": {"description": "As asked for.", "content": content}}
    responses["304"] = {"description": "Unchanged since the ETag that was sent."}
    for status in (*failures, "503"):
        responses[status] = {"$ref": f"#/components/responses/Problem{status}"}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": parameters,
            "responses": responses,
        }
    }


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _problem(description: str) -> Schema:
    return {"description": description, "content": {PROBLEM_TYPE: {"schema": _ref("Problem")}}}


def _paths() -> Schema:
    wanted = _request_parameters()
    format_ = _parameter(
        "format", {"type": "string", "enum": ["jsonl", "csv"], "default": "jsonl"}, "The format."
    )
    story_id = _parameter("id", _TEXT, "The story's id, which may hold slashes.", "path")
    lines = {
        "application/jsonl": {"schema": {"type": "string"}},
        "text/csv": {"schema": {"type": "string"}},
    }
    suggestions = _object(query=_TEXT, suggestions=_list(_TEXT))
    return {
        "/api/v1/search": _get(
            "search",
            "Ranked stories with facet counts.",
            [*wanted, *_paging_parameters()],
            _json(_ref("ResultPage")),
            "400",
        ),
        "/api/v1/suggest": _get(
            "suggest",
            "Completions of the last word.",
            [_parameter("q", _TEXT, "What was typed so far.")],
            _json(suggestions),
        ),
        "/api/v1/stories/{id}": _get(
            "getStory", "One whole story.", [story_id], _json(_ref("Story")), "404"
        ),
        "/api/v1/export": _get(
            "export", "The whole result, streamed.", [*wanted, format_], lines, "400"
        ),
    }


def _article_properties() -> dict[str, Schema]:
    image = _object(
        url=_TEXT,
        width={"type": ["integer", "null"]},
        height={"type": ["integer", "null"]},
        is_cached={"type": ["boolean", "null"]},
    )
    return {
        "title": _TEXT,
        "excerpt": _TEXT,
        "category": _TEXT_OR_NULL,
        "type": _TEXT_OR_NULL,
        "published_at": _INSTANT,
        "original_url": _LINK,
        "web_url": _LINK,
        "amp_web_url": _LINK,
        "cdn_amp_web_url": _LINK,
        "quality": _NUMBER_OR_NULL,
        "heat": _NUMBER_OR_NULL,
        "provider": _or_null(_ref("Provider")),
        "images": _list(image),
    }


def _hit_schemas() -> dict[str, Schema]:
    marked: Schema = {
        "type": "object",
        "description": "Escaped HTML by field, matches between <mark> tags.",
        "additionalProperties": _TEXT,
    }
    common: dict[str, Schema] = {
        "title": _TEXT,
        "url": _LINK,
        "provider": _or_null(_ref("Provider")),
        "published_at": _INSTANT,
        "highlights": marked,
    }
    hit = _object(
        id=_TEXT,
        score={"type": "number"},
        excerpt=_TEXT,
        topics=_list(_TEXT),
        quality=_NUMBER_OR_NULL,
        related=_list(_ref("RelatedHit")),
        **common,
    )
    return {"Hit": hit, "RelatedHit": _object(**common)}


def _schemas() -> dict[str, Schema]:
    article = _article_properties()
    return {
        **_hit_schemas(),
        "ResultPage": _object(
            query=_TEXT,
            total=_COUNT,
            took_ms={"type": "number"},
            relaxed={**_FLAG, "description": "No story has all words; these have some."},
            suggestion={**_TEXT_OR_NULL, "description": "A better spelling of the query."},
            hits=_list(_ref("Hit")),
            facets={"type": "object", "additionalProperties": _list(_ref("FacetCount"))},
        ),
        "FacetCount": _object(value=_TEXT, label=_TEXT, count=_COUNT, selected=_FLAG),
        "Provider": _object(name=_TEXT, domain=_TEXT_OR_NULL),
        "Article": _object(**article),
        "Story": _object(
            id=_TEXT,
            **article,
            body=_TEXT,
            published=_FLAG,
            topics=_list(_TEXT),
            related=_list(_ref("Article")),
        ),
        "Problem": {
            "type": "object",
            "description": "RFC 9457; parameter and errors say which parameters are at fault.",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": _TEXT,
                "title": _TEXT,
                "status": {"type": "integer"},
                "detail": _TEXT,
                "parameter": _TEXT,
                "errors": _list(_object(parameter=_TEXT, detail=_TEXT)),
            },
        },
    }


def describe_api(root: str) -> Schema:
    """The document, for an app that is mounted at the path `root`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Storydex",
            "version": "1",
            "summary": "Full-text search in an archive of news stories.",
        },
        "servers": [{"url": root or "/"}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "responses": {
                "Problem400": _problem("A parameter cannot be read."),
                "Problem404": _problem("There is no such story."),
                "Problem503": _problem("There is no index to search at the moment."),
            },
        },
    }
