"""The description of the API: valid, whole and true."""

from __future__ import annotations

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.web.web_site import get, visit
from web.openapi import describe_api


def test_the_description_is_valid_openapi():
    """OpenAPI 3.1, as its own validator sees it."""
    OpenAPIV31SpecValidator(describe_api("")).validate()


def test_the_description_lists_every_route(client):
    """A route that is not described does not exist for a user."""
    described = get(client, "/openapi.json")["paths"]
    routes = {
        rule.rule.replace("<path:story_id>", "{id}").replace("<", "{").replace(">", "}")
        for rule in client.application.url_map.iter_rules()
    }
    assert routes == set(described)


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/api/v1/search?q=azure&facet=year", "ResultPage"),
        ("/api/v1/suggest?q=az", "Suggestions"),
        ("/api/v1/search?q=azure&fields=title", "ResultPage"),
        ("/api/v1/facets/topic?q=cl", "FacetValues"),
        ("/api/v1/dates?q=azure", "DateCounts"),
        ("/api/v1/stories/2021/story%2000.md/similar", "SimilarStories"),
        ("/api/v1/export?q=turbines&year=2022&quality=4", "Problem"),
        ("/api/v1/export?lead_provider=zdnet.com&month=2021-03&q=%22report+0%22", "ExportRow"),
        ("/api/v1/export?rows=articles&month=2021-03&q=%22report+0%22", "ArticleRow"),
        ("/feed.json?q=azure", "JsonFeed"),
        ("/livez", "Health"),
        ("/readyz", "Health"),
        ("/api/v1/stories/2021/story%2000.md", "Story"),
        ("/api/v1/search?limit=x", "Problem"),
    ],
)
def test_answers_are_as_described(client, path, schema):
    """What the API answers validates against what it says it answers."""
    from openapi_schema_validator import OAS31Validator

    document = describe_api("")
    wanted = {**document["components"]["schemas"][schema], "components": document["components"]}
    OAS31Validator(wanted).validate(client.get(path).get_json(force=True))


def test_the_description_follows_the_mount_point(index):
    """Behind a proxy that mounts the site elsewhere, clients find it there."""
    answer = visit(index).get("/openapi.json", environ_overrides={"SCRIPT_NAME": "/news"})
    assert answer.get_json()["servers"] == [{"url": "/news"}]
