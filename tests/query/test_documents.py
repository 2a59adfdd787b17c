"""The query language as documented: every example runs and is understood."""

from __future__ import annotations

from pathlib import Path

import pytest

import indexer
from indexer.query.language import LANGUAGE
from tests.conftest import build

EXAMPLES = [example.query for section in LANGUAGE for example in section.examples]
STORY = {
    "title": "Microsoft Azure cloud deal: partners pay 10,000 of $44 billion", "quality": 90,
    "excerpt": "Azure as a strategic cloud provider; Azure cloud provider", "body": "Meta, 4.5",
    "publishedDateTime": "2022-05-15", "topics": ["Cloud"], "published": True,
    "provider": {"name": "ZDNet", "domain": "zdnet.com"}, "webUrl": "https://example.org/story",
}  # fmt: skip
OTHER = {
    "title": "US sanctions: expenses, wi-fi, windows, Trump and Biden on AT&T",
    "publishedDateTime": "2021-01-01",
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    index = build(tmp_path_factory.mktemp("documents"), {"a.md": STORY, "b.md": OTHER})
    with indexer.open_index(index, compiled=False) as engine:
        yield engine


@pytest.mark.parametrize("query", EXAMPLES)
def test_an_example_finds_its_story_and_is_understood(engine, query):
    """Nothing is left over that was not taken as it looks."""
    page = engine.search(query, spelling=False)
    assert not page.notices
    assert page.complete or query == "since:7d"


def test_the_document_has_every_example():
    """The document is made of the same table."""
    text = Path(__file__).parents[2].joinpath("docs/query-language.md").read_text("utf-8")
    for section in LANGUAGE:
        assert f"## {section.title}" in text
        for example in section.examples:
            query, finds = (cell.replace("|", "\\|") for cell in example)
            assert f"| `{query}` | {finds} |" in text
