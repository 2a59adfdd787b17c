"""Which related articles a result names as those through which it was found."""

from __future__ import annotations

import pytest

import indexer
from tests.conftest import build

STORIES = {f"{number}.md": {
    "title": f"Filler {number}",
    "related": [{"title": "Bakery opens"}, {"title": "A market opens"}],
} for number in range(40)} | {"rare.md": {"title": "Zyxophone concert"}}  # fmt: skip


@pytest.fixture(params=[True, False], ids=["compiled", "plain"])
def engine(request, tmp_path):
    with indexer.open_index(build(tmp_path, STORIES), compiled=request.param) as engine:
        engine.warm_up()
        yield engine


@pytest.mark.parametrize("query", ["market OR zyxophone", "market^0.1 OR zyxophone"])
def test_a_story_found_through_a_related_article_alone_names_it(engine, query):
    """However little the word that stands there weighs beside the others of the query."""
    page = engine.search(query, limit=50)
    assert page.total == len(STORIES)
    named = [[article.title for article in hit.related] for hit in page.hits]
    assert named == [[], *[["A market opens"]] * 40]
