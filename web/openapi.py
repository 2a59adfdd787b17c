"""The description of every address of the site, OpenAPI 3.1; served by `api`.

Schemas are made of the records that are answered, and names that the code decides (facets,
orders, limits) are taken from it, so that the document cannot drift.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from indexer import FACET_SORTS, FACETS, HIT_FIELDS, RELATED_LIMIT, SORTS, json_schemas

from . import params, spreadsheet
from .feeds import JsonFeed
from .metrics import Health
from .problems import PROBLEM_TYPE, Problem

Schema = dict[str, Any]


class Suggestions(msgspec.Struct):
    """What was typed, and ways to finish it."""

    query: str
    suggestions: tuple[str, ...]


SUGGESTIONS_TYPE = "application/x-suggestions+json"
_REFERENCE = "#/components/schemas/{name}"
#: Records that the front end answers besides those of `indexer`.
_OWN_RECORDS = (Suggestions, JsonFeed, Health, Problem)

_TEXT: Schema = {"type": "string"}
_HTML: Schema = {"text/html": {"schema": _TEXT}}
_ANY: Schema = {"*/*": {"schema": {}}}
#: Why an address is refused that takes parameters: its host, its length.
_ALWAYS = ("400", "414")
#: What statuses mean, as pages and as problem documents.
_FAILURES = {
    "400": "A parameter cannot be read, or the host is none of this site.",
    "404": "There is nothing of this name.",
    "414": "The address is longer than any that is read.",
    "503": "There is no index to search, the query costs too much, or too many exports are "
    "under way; Retry-After says when to ask again.",
}

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


def _one_of(values: Iterable[str], **default: str) -> Schema:
    return {"type": "string", "enum": list(values), **default}


def _upto(most: int, default: int) -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": most, "default": default}


def _flag(default: int) -> Schema:
    return {"type": "integer", "enum": [0, 1], "default": default}


def _parameter(name: str, schema: Schema, description: str, place: str = "query") -> Schema:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": schema,
    }


_DAY = "A day (2022-05-31), a month, a year or an instant"
_REPEAT = "Repeat it for alternatives; - before a value excludes it, = takes it as it is."
#: Parameters by name, as most addresses take them; which those are says `params`.
_PARAMETERS: dict[str, tuple[Schema, str]] = {
    "q": (_TEXT, "What to search for; without it all stories, newest first."),
    **{facet: (_list(_TEXT), f"{_FILTER_HINTS[facet]} {_REPEAT}") for facet in FACETS},
    "since": (_TEXT, f"{_DAY}: nothing older."),
    "until": (_TEXT, f"{_DAY}: nothing younger."),
    "sort": (_one_of(SORTS), "The order; default relevance, or newest without q."),
    "spelling": (
        _flag(1),
        "0: search what was typed, even where it finds nothing and was surely meant otherwise.",
    ),
    "collapse": (_flag(1), "0: list every story, even with the lead of another."),
    "page": (
        {"type": "integer", "minimum": 1, "default": 1},
        "A page of ten hits, or of `limit`; counts from 1.",
    ),
    "find": (_TEXT, "How a word of a provider begins, to be listed."),
    "limit": (_upto(params.MAX_LIMIT, params.PAGE_SIZE), "Hits on a page."),
    "offset": (_upto(params.MAX_OFFSET, 0), "Hits to pass over, instead of page."),
    "facet": (_list(_one_of(FACETS)), "Facets to count, repeatable; default provider."),
    "facet_limit": (
        _upto(params.MAX_FACET_LIMIT, params.FACET_LIMIT),
        "Values of each facet; chosen values come on top.",
    ),
    "related_limit": (
        _upto(params.MAX_RELATED_LIMIT, RELATED_LIMIT),
        "Related articles of each hit; related_total says how many match.",
    ),
    "fields": (_TEXT, f"Fields of each hit beside id, with commas: {', '.join(HIT_FIELDS)}."),
    "explain": (
        _flag(0),
        "1: each hit has an explanation of its score; "
        f"with limit up to {params.MAX_EXPLAINED} alone.",
    ),
    "query": (_TEXT, "A search; only values of the stories it finds are listed."),
    "format": (_one_of(("jsonl", "csv", "xlsx"), default="jsonl"), "The format."),
    "rows": (
        _one_of(("stories", "articles"), default="stories"),
        "What has a row each: stories, or their articles.",
    ),
    "bom": (_flag(1), "0: CSV without the mark that spreadsheets look for."),
}


def _parameters(names: Iterable[str], **instead: tuple[Schema, str]) -> list[Schema]:
    """Parameters of an address; `instead`: those that mean something else there."""
    table = _PARAMETERS | instead
    return [_parameter(name, *table[name]) for name in names]


def _facet_parameters() -> list[Schema]:
    return [
        _parameter("facet", _one_of(FACETS), "The facet.", place="path"),
        *_parameters(
            params.FACET_PARAMETERS,
            q=(_TEXT, "How a word of the value or its label begins."),
            sort=(_one_of(FACET_SORTS, default=FACET_SORTS[0]), "By stories or by label."),
            limit=(_upto(params.MAX_FACET_LIMIT, params.FACET_LIMIT), "Values at most."),
        ),
    ]


def _suggest_parameters() -> list[Schema]:
    return _parameters(
        params.SUGGEST_PARAMETERS,
        q=(_TEXT, "What was typed so far."),
        format=(_one_of(("opensearch",)), "The query and its completions as browsers read them."),
    )


def _get(
    operation: str, summary: str, parameters: list[Schema], content: Schema, *others: str
) -> Schema:
    """A route; `others` are its statuses besides 200, of which all may be asked too much."""
    responses: Schema = {"200": {"description": "As asked for.", "content": content}}
    failure = "Page" if content in (_HTML, _ANY) else "Problem"
    for status in (*others, *(_ALWAYS if parameters else ())):
        kind = "Unchanged" if status == "304" else f"{failure}{status}"
        responses[status] = {"$ref": f"#/components/responses/{kind}"}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": parameters,
            "responses": responses,
        }
    }


def _json(name: str, media_type: str = "application/json") -> Schema:
    return {media_type: {"schema": {"$ref": _REFERENCE.format(name=name)}}}


def _answered(
    operation: str, summary: str, parameters: list[Schema], content: Schema, *others: str
) -> Schema:
    """A route that asks the index: unchanged, or unavailable, among its other statuses."""
    return _get(operation, summary, parameters, content, "304", *others, "503")


def _api_paths(wanted: list[Schema], story_id: Schema) -> Schema:
    paged = _parameters(params.API_PARAMETERS)
    many = _upto(params.MAX_LIMIT, params.SIMILAR_LIMIT), "Hits at most."
    similar = [story_id, *_parameters(params.SIMILAR_PARAMETERS, limit=many)]
    completions = {**_json("Suggestions"), SUGGESTIONS_TYPE: {"schema": _list({})}}
    # A line of the first is an ExportRow; a stream of lines has no schema of its own.
    kinds = ("application/jsonl", "text/csv", spreadsheet.CONTENT_TYPE)
    lines = {kind: {"schema": _TEXT} for kind in kinds}
    return {
        "/api/v1/search": _answered(
            "search", "Ranked stories with facet counts.", paged, _json("ResultPage")
        ),
        "/api/v1/suggest": _answered(
            "suggest", "Completions of the last word.", _suggest_parameters(), completions
        ),
        "/api/v1/facets/{facet}": _answered(
            "facetValues", "Values of a facet, found by how a word of them begins.",
            _facet_parameters(), _json("FacetValues"),
        ),
        "/api/v1/dates": _answered(
            "dates", "When the stories of a search were published, by day, month or year.",
            wanted, _json("DateCounts"),
        ),
        "/api/v1/stories/{id}": _answered(
            "getStory", "One whole story.", [story_id], _json("Story"), "404"
        ),
        "/api/v1/stories/{id}/similar": _answered(
            "similarStories", "Stories that resemble one.", similar, _json("SimilarStories"), "404"
        ),
        "/api/v1/export": _answered(
            "export",
            "The whole result, streamed; as JSON Lines an ExportRow or ArticleRow a line.",
            _parameters(params.EXPORT_PARAMETERS), lines,
        ),
        "/openapi.json": _get(
            "describe", "This description.", [], {"application/json": {"schema": {}}}
        ),
    }  # fmt: skip


def _page_paths(wanted: list[Schema], story_id: Schema) -> Schema:
    words = _parameters(params.PAGE_PARAMETERS)
    name = _parameter("name", _TEXT, "The name of the file.", "path")
    marked = _TEXT, "A search: what of the story matches is marked."
    story = [story_id, *_parameters(params.STORY_PARAMETERS, q=marked)]
    atom = {"application/atom+xml": {"schema": _TEXT}}
    json_feed = _json("JsonFeed", "application/feed+json")
    opensearch = {"application/opensearchdescription+xml": {"schema": _TEXT}}
    return {
        "/": _answered("searchPage", "The search page.", words, _HTML),
        "/story/{id}": _answered("storyPage", "A story's page.", story, _HTML, "404"),
        "/static/{name}": _get("staticFile", "A file that pages load.", [name], _ANY, "404"),
        "/favicon.ico": _get("favicon", "The icon of the site.", [], _ANY),
        "/saved": _get("savedPage", "The searches that this browser has saved.", [], _HTML),
        "/help": _get("helpPage", "What can be typed.", [], _HTML),
        "/robots.txt": _get("robots", "For crawlers.", [], {"text/plain": {"schema": _TEXT}}),
        "/feed.atom": _answered("atomFeed", "The newest of a search as Atom.", wanted, atom),
        "/feed.json": _answered(
            "jsonFeed", "The newest of a search as a JSON feed.", wanted, json_feed
        ),
        "/opensearch.xml": _get("openSearch", "For a browser's search box.", [], opensearch),
        "/livez": _get("livez", "The process answers.", [], _json("Health")),
        "/readyz": _get("readyz", "There is an index to search.", [], _json("Health"), "503"),
        "/metrics": _get("metrics", "For Prometheus.", [], {"text/plain": {"schema": _TEXT}}),
    }


def _schemas() -> Schema:
    own = msgspec.json.schema_components(_OWN_RECORDS, ref_template=_REFERENCE)[1]
    schemas: Schema = {**json_schemas(_REFERENCE), **own}
    for schema in schemas.values():  # docstrings, which are indented
        schema["description"] = " ".join(schema["description"].split())
    return schemas


def _problem(description: str) -> Schema:
    return {"description": description, "content": _json("Problem", PROBLEM_TYPE)}


def describe_api(root: str) -> Schema:
    """The document, for an app that is mounted at the path `root`."""
    wanted = _parameters(params.SEARCH_PARAMETERS)
    story_id = _parameter("id", _TEXT, "The story's id, which may hold slashes.", "path")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Storydex",
            "version": "1",
            "summary": "Full-text search in an archive of news stories.",
        },
        "servers": [{"url": root or "/"}],
        "paths": {**_api_paths(wanted, story_id), **_page_paths(wanted, story_id)},
        "components": {
            "schemas": _schemas(),
            "responses": {
                "Unchanged": {"description": "Unchanged since the ETag that was sent."},
                **{f"Problem{status}": _problem(means) for status, means in _FAILURES.items()},
                **{
                    f"Page{status}": {"description": means, "content": _HTML}
                    for status, means in _FAILURES.items()
                },
            },
        },
    }
