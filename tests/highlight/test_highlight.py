"""Marked text and the related articles that match."""

from __future__ import annotations

import re

import pytest

import indexer
from tests.conftest import build
from tests.highlight.marked_story import STORY


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with indexer.open_index(build(tmp_path_factory.mktemp("marks"), [STORY])) as engine:
        yield engine


@pytest.mark.parametrize(
    ("query", "field", "marked"),
    [
        ("cloud", "title", ["cloud"]),
        ("cloud", "excerpt", ["cloud", "clouds"]),
        ("zurich", "title", ["Zürich&#39;s"]),
        ("low-code", "title", ["Low-code"]),
        ("quick", "excerpt", ["quick", "Quick"]),
        ('"quick brown"', "excerpt", ["quick brown"]),
        ('"quick fox"~1', "excerpt", ["quick brown fox"]),
        ("qui*", "excerpt", ["quick", "Quick"]),
        ("q?ick", "excerpt", ["quick", "Quick"]),
        ("quikc~2", "excerpt", ["quick", "Quick"]),
        ("cloud -volvo", "title", ["cloud"]),
        ("title:cloud", "excerpt", []),
        ("cloud OR fox", "excerpt", ["cloud", "clouds", "fox"]),
        ("needle", "body", ["needle", "needle"]),
        ("related:needle OR needle", "body", ["needle", "needle"]),
    ],
)
def test_what_is_marked(engine, query, field, marked):
    """What made the story match is marked, as it is written, and nothing else."""
    text = engine.search(query).hits[0].highlights[field]
    assert re.findall("<mark>(.*?)</mark>", text) == marked


def test_text_is_escaped(engine):
    """Markup in a story's text comes out as text."""
    title = engine.search("tools").hits[0].highlights["title"]
    assert title == "Low-code &lt;b&gt;<mark>tools</mark>&lt;/b&gt; &amp; Zürich&#39;s cloud"


def test_a_snippet_of_a_long_body(engine):
    """A long body is cut to the stretch with most matches, between words."""
    snippet = engine.search("needle").hits[0].highlights["body"]
    assert snippet.startswith("… ")
    assert snippet.endswith(" …")
    assert len(snippet) < 350
    assert "Then the <mark>needle</mark> and another <mark>needle</mark>" in snippet
    assert engine.search("cloud").hits[0].highlights["body"].startswith("Filler words")


def related(engine, query):
    return [article.title for article in engine.search(query).hits[0].related]


def test_related_articles_that_match(engine):
    """Best first: those with more of the words, more often, and in the title."""
    assert related(engine, "volterra") == ["Volterra", "Cloud Volterra", "Something else"]
    assert related(engine, "volterra cloud")[:2] == ["Cloud Volterra", "Volterra"]
    assert set(related(engine, "chips quoted")) == {"Volterra", "Something else"}
    assert related(engine, "fox") == []
    assert related(engine, "") == []
    assert related(engine, '"arm chips"') == ["Volterra"]
    article = engine.search("volterra").hits[0].related[-1]
    assert article.highlights["excerpt"] == (
        "Quoted &#34;x&#34; &amp; &lt;i&gt;<mark>volterra</mark>&lt;/i&gt;"
    )


def test_hits_outlive_the_engine(tmp_path):
    """What was found is read and marked after the index was rebuilt, reloaded and closed."""
    index = build(tmp_path, [STORY])
    with indexer.open_index(index) as engine:
        (hit,) = engine.search("volterra~ cloud").hits
        build(tmp_path, [{**STORY, "title": "Another"}])
        assert engine.reload()
    assert hit.highlights["title"].endswith("<mark>cloud</mark>")
    assert "<mark>Volterra</mark>" in hit.related[0].highlights["title"]
    assert len(hit.story.related) == 4


def test_spans_say_where_marks_are(engine):
    """Offsets cut out of a text what is marked in it."""
    (hit,) = engine.search("needle cloud").hits
    for text, spans in ((hit.story, hit.spans), *((a.article, a.spans) for a in hit.related)):
        for field, places in spans.items():
            for start, end in places:
                assert getattr(text, field)[start:end].lower() in ("cloud", "clouds", "needle")
    assert len(hit.spans["body"]) == 2
