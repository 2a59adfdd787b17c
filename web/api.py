"""The HTTP API, version 1: search, suggestions and stories, for programs.

Parameters are those of the page (`params`), answers are the records of `indexer`, errors are
problem documents (`problems`), and `/openapi.json` describes it all (`openapi`).
"""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from indexer import StoryNotFound, page_to_json, story_to_json

from . import params
from .caching import conditional
from .connection import current_engine
from .metrics import observe_search
from .openapi import Suggestions, describe_api
from .problems import parameter_problem

api = Blueprint("api", __name__)

_SUGGEST_SECONDS = 60


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
    return _json(msgspec.json.encode(Suggestions(text, current_engine().suggest(text))))


@api.get("/api/v1/stories/<path:story_id>")
@conditional()
def story(story_id: str) -> ResponseReturnValue:
    """One whole story."""
    found = current_engine().get(story_id)
    if found is None:
        raise StoryNotFound(story_id)
    return _json(story_to_json(found))


@api.get("/openapi.json")
def openapi() -> Response:
    """The description of this API, OpenAPI 3.1."""
    response = _json(msgspec.json.encode(describe_api(request.root_path)))
    response.headers["Cache-Control"] = "no-cache"
    return response
