"""Texts as HTML: escaped, marked, and long ones cut."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from indexer.highlight.html import SNIPPET_LENGTH, mark, snippet
from indexer.highlight.marks import merged


@pytest.mark.parametrize(
    ("text", "spans", "expected"),
    [
        ("", [], ""),
        ("a b c", [], "a b c"),
        ("a b c", [(2, 3)], "a <mark>b</mark> c"),
        ("a b c", [(0, 1), (2, 5)], "<mark>a</mark> <mark>b c</mark>"),
        ("<a> & 'b'", [(1, 2)], "&lt;<mark>a</mark>&gt; &amp; &#39;b&#39;"),
        ('"<a>"', [(0, 5)], "<mark>&#34;&lt;a&gt;&#34;</mark>"),
    ],
)
def test_marking(text, spans, expected):
    """What is marked stands between tags, and markup in a text comes out as text."""
    assert mark(text, spans) == expected
    assert snippet(text, spans) == expected


@given(st.text(st.sampled_from("&<>'\"amp;lt#39é")))
def test_escaping_is_that_of_the_templates(text):
    """What is not marked looks as a template would show it."""
    assert mark(text, []) == str(escape(text))


def plain(marked):
    """The text again, without marks and dots."""
    return html.unescape(re.sub("</?mark>", "", marked)).removeprefix("… ").removesuffix(" …")


FILLER = "Filler words come first. " * 40


def test_a_snippet_has_most_matches():
    """A long body is cut to the stretch with most matches, a little before the first of them."""
    body = f"a needle. {FILLER}Then the needle (and another needle). {FILLER}"
    spans = [match.span() for match in re.finditer("needle", body)]
    shown = snippet(body, spans)
    assert shown.count("<mark>needle</mark>") == 2
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert "first. Then the <mark>needle</mark> (and another <mark>needle</mark>). " in shown
    assert snippet(body, spans[:1]).startswith("a <mark>needle</mark>. Filler")
    assert snippet(body, []).startswith("a needle. Filler")


def test_a_snippet_without_blanks():
    """Chinese text is cut between characters, and what has no words at all wherever it must be."""
    body = "日本語" * 200
    shown = snippet(body, [(300, 301)])
    assert plain(shown) == body[244 : 244 + SNIPPET_LENGTH]
    assert "<mark>日</mark>" in shown
    assert plain(snippet("x" * 1000, [(0, 1000)])) == "x" * SNIPPET_LENGTH
    assert snippet("x" * 1000, [(0, 1000)]).count("<mark>") == 1


def test_a_snippet_ends_with_the_body():
    """A match near the end shows the end."""
    shown = snippet(f"{FILLER}A needle!", [(len(FILLER) + 2, len(FILLER) + 8)])
    assert shown.endswith("A <mark>needle</mark>!")


BODIES = st.lists(
    st.sampled_from(["a", "<b>", "word", "日本", "x" * 90, "\n", " ", "&", "…"]), max_size=200
).map(" ".join)
SPANS = st.lists(st.tuples(st.integers(0, 900), st.integers(1, 400)), max_size=8)


@given(BODIES, SPANS)
@settings(max_examples=400)
def test_marking_changes_no_text(body, places):
    """Without the marks, what is shown is the text or a stretch of it, and not too long."""
    spans = merged((at, at + size) for at, size in places if at + size <= len(body))
    marked = html.unescape(re.sub("</?mark>", "", mark(body, spans)))
    assert marked == body
    shown = snippet(body, spans)
    stretch = html.unescape(re.sub("</?mark>", "", shown))
    stretch = stretch[2:] if shown.startswith("… ") and not body.startswith("… ") else stretch
    stretch = stretch[:-2] if shown.endswith(" …") and not body.endswith(" …") else stretch
    assert len(stretch) <= SNIPPET_LENGTH + 4
    assert stretch.removeprefix("… ").removesuffix(" …") in body
    assert "<mark></mark>" not in shown
    fits = [span for span in spans if span[1] - span[0] <= SNIPPET_LENGTH]
    assert not fits or "<mark>" in shown
