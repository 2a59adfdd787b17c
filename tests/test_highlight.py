"""Marked text and the related articles that match."""

from __future__ import annotations

import html
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import indexer
from indexer.marks import cut_words

from .conftest import build

STORY = {
    "title": "Low-code <b>tools</b> & Zürich's cloud",
    "excerpt": "A cloud of clouds: the quick brown fox. Quick!",
    "body": "Filler words come first. " * 40
    + "Then the needle and another needle. " + "More filler. " * 40,
    "related": [
        {"title": "Volterra", "excerpt": "ARM chips and cloud"},
        {"title": "Cloud Volterra", "excerpt": "cloud"},
        {"title": "Something else", "excerpt": 'Quoted "x" & <i>volterra</i>'},
        {"title": "Nothing", "excerpt": "of note"},
    ],
}  # fmt: skip


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
    """Best first: more often, and in the title; those with all the words if there are any."""
    assert related(engine, "volterra") == ["Volterra", "Cloud Volterra", "Something else"]
    assert related(engine, "volterra cloud") == ["Cloud Volterra", "Volterra"]
    assert set(related(engine, "chips quoted")) == {"Volterra", "Something else"}
    assert related(engine, "fox") == []
    assert related(engine, "") == []
    assert related(engine, '"arm chips"') == ["Volterra"]
    article = engine.search("volterra").hits[0].related[-1]
    assert article.highlights["excerpt"] == (
        "Quoted &#34;x&#34; &amp; &lt;i&gt;<mark>volterra</mark>&lt;/i&gt;"
    )


WORDS = st.lists(st.sampled_from(["a", "b", "A's", "<a>", "&", "é", "b'a", "-", "a_b"]), max_size=8)


@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_marking_changes_no_text(texts):
    """Without the marks, highlights are the escaped original; with and without the compiler
    the same words are marked."""
    stories = [{"title": f"a {text}", "excerpt": text, "related": [{"title": f"b {text}"}]}
               for text in texts]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        index = build(Path(folder), stories)
        answers = []
        for compiled in (False, True):
            with indexer.open_index(index, compiled=compiled) as engine:
                engine.warm_up()
                answers.append(
                    [
                        (hit.story.id, hit.highlights, [a.highlights for a in hit.related])
                        for query in ("a", "b", "a b", "a*", '"a b"', "ab~", '"a b"~2 OR e')
                        for hit in engine.search(query).hits
                    ]
                )
                for hit in engine.search("a").hits:
                    plain = re.sub("</?mark>", "", hit.highlights["title"])
                    assert html.unescape(plain) == hit.story.title
    assert answers[0] == answers[1]


@given(st.text(st.characters(codec="ascii"), max_size=80))
def test_compiled_cutting_finds_the_same_words(text):
    """The compiled loop cuts ASCII text exactly as the pattern does."""
    from indexer import kernels

    text = text.replace("\x1e", "")
    count, starts, ends = kernels.ascii_words(np.frombuffer(text.encode(), np.uint8))
    assert (starts[:count].tolist(), ends[:count].tolist()) == cut_words(text)
