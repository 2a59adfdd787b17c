"""Compiled highlighting marks what the plain way marks."""

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
from indexer.analysis import iter_words, stem
from indexer.highlight.fast import cut as cutting
from indexer.highlight.html import cut_words
from tests.conftest import build
from tests.highlight.marked_story import STORY, marks

WORDS = st.lists(
    st.sampled_from(
        [
            "a",
            "b",
            "A's",
            "<a>",
            "&",
            "é",
            "b’a",
            "-",
            "a_b",
            "日本",
            "…",
            "b'",
            "e\u0301b",
            "ß a",
            "“b”",
        ]
    ),
    max_size=8,
).map(" ".join)
STORIES = st.fixed_dictionaries(
    {"title": WORDS.map("a {}".format), "excerpt": WORDS},
    optional={
        "body": st.lists(WORDS, max_size=3).map(" … lorem ipsum dolor. ".join)
        | WORDS.map(lambda text: f"{text} {'Zürich filler. ' * 30}{text} {'x' * 300} {text}"),
        "related": st.lists(
            st.fixed_dictionaries({"title": WORDS.map("b {}".format)}, optional={"excerpt": WORDS}),
            max_size=4,
        ),
    },
)
QUERIES = (
    "a", "b", "a b", "a*", '"a b"', "ab~", '"a b"~2 OR e', "title:a related:b", "excerpt:(a OR b)",
    '"b a b"', "日本 OR e*", "(a b) OR (e -b)", "zurich^2 a", "a OR b OR absent", '"lorem dolor"~1',
    "a related:a", "related:a a b", "related:a^2 OR a", "a a",
)  # fmt: skip


def explained(folder, compiled, queries=QUERIES):
    """All that is marked, and the related articles that match, by query."""
    with indexer.open_index(folder, compiled=compiled) as engine:
        engine.warm_up()
        return {
            query: {
                hit.story.id: (
                    hit.highlights,
                    [
                        (article.article, article.score, article.highlights)
                        for article in hit.related
                    ],
                )
                for hit in engine.search(query).hits
            }
            for query in queries
        }


@given(st.lists(STORIES, min_size=1, max_size=4))
@settings(max_examples=60)
def test_loops_explain_as_the_plain_way_does(stories):
    """With and without the compiler the same words are marked in the same articles, in the
    same order."""
    with tempfile.TemporaryDirectory() as folder:
        index = build(Path(folder), stories)
        assert explained(index, True) == explained(index, False)


def marked_anew(text, terms):
    """The words of a text that become one of the terms, by analysing it."""
    return [word.text for word in iter_words(text) if stem(word.text) in terms]


@pytest.mark.parametrize("compiled", [False, True])
@given(stories=st.lists(STORIES, min_size=1, max_size=4), words=st.sets(st.sampled_from("abe日")))
@settings(max_examples=40)
def test_marks_are_those_of_an_analysis(compiled, stories, words):
    """What positions say is what analysing the texts again would find."""
    query = " OR ".join(sorted(words)) or "a"
    terms = words or {"a"}
    with tempfile.TemporaryDirectory() as folder:
        index = build(Path(folder), stories)
        with indexer.open_index(index, compiled=compiled) as engine:
            engine.warm_up()
            for hit in engine.search(query).hits:
                assert marks(hit.highlights["title"]) == marked_anew(hit.story.title, terms)
                assert marks(hit.highlights["excerpt"]) == marked_anew(hit.story.excerpt, terms)
                found = {
                    article.article: marks(
                        article.highlights["title"], article.highlights["excerpt"]
                    )
                    for article in hit.related
                }
                assert found == {
                    article: expected
                    for article in hit.story.related
                    if (expected := marked_anew(f"{article.title} {article.excerpt}", terms))
                }


@given(st.lists(STORIES, min_size=1, max_size=3))
@settings(max_examples=30)
def test_marking_changes_no_text(stories):
    """Without the marks, highlights are the escaped original."""
    with tempfile.TemporaryDirectory() as folder:
        index = build(Path(folder), stories)
        with indexer.open_index(index) as engine:
            engine.warm_up()
            for hit in engine.search("a").hits:
                texts = [(hit.highlights, hit.story)]
                texts += [(article.highlights, article.article) for article in hit.related]
                for highlights, source in texts:
                    for field in ("title", "excerpt"):
                        plain = re.sub("</?mark>", "", highlights[field])
                        assert html.unescape(plain) == getattr(source, field)


def test_very_long_stories(tmp_path):
    """Stories of megabytes are marked in no more time than their length asks for."""
    stories = {f"{n}.md": {**STORY, "body": f"azure w{n} " * 70_000} for n in range(3)}
    index = build(tmp_path, stories)
    assert explained(index, True, ("azure w1",)) == explained(index, False, ("azure w1",))
    with indexer.open_index(index) as engine:
        engine.warm_up()
        (hit, *_) = engine.search("w2").hits
        assert hit.highlights["body"].count("<mark>w2</mark>") > 20


def test_segments_explain_alike(tmp_path):
    """What is marked does not depend on how an index came to be in segments."""
    stories = {f"{n}.md": {**STORY, "title": f"Cloud {n}"} for n in range(3)}
    whole = build(tmp_path / "whole", stories)
    for n in range(1, 4):
        parts = build(tmp_path / "parts", dict(list(stories.items())[:n]))
    queries = ("cloud", '"arm chips"', "volterra clo*")
    assert explained(parts, True, queries) == explained(whole, True, queries)


def cut(text):
    """Words as the compiled loop finds them: where each starts and ends in UTF-8."""
    size = len(text.encode())
    data = np.frombuffer(text.encode() + bytes(cutting.PAD), np.uint8)
    bounds = np.full(2 * size + cutting.PAD + 2, -1, np.int64)
    count = cutting.cut(cutting.CLASSES, data, 0, size, size, bounds)
    return bounds[: 2 * count].tolist()


def cut_plainly(text):
    """The same by the pattern."""
    return [
        len(text[:place].encode()) for span in zip(*cut_words(text), strict=True) for place in span
    ]


TRICKY = "aß 's’-_…日\u0301\u064b\u3040ア𝒃😀\U00020001\x1e\x00éZ9²"


@given(st.text(st.sampled_from(TRICKY) | st.characters(codec="utf-8"), max_size=200))
@settings(max_examples=500)
def test_compiled_cutting_finds_the_same_words(text):
    """The compiled loop cuts text exactly as the pattern does."""
    assert cut(text) == cut_plainly(text)


def test_compiled_cutting_knows_every_character():
    """Letters, marks, Chinese and other characters are told apart in all of Unicode."""
    for first in range(0, 0x110000, 0x800):
        if first != 0xD800:
            text = "".join(
                f"a{chr(code)}b {chr(code)}{chr(code)} " for code in range(first, first + 0x800)
            )
            words = cut_words(text)
            ends = np.cumsum([0, *(len(character.encode()) for character in text)])
            assert cut(text) == [ends[place] for span in zip(*words, strict=True) for place in span]


def test_long_results_are_explained_alike(tmp_path):
    """However many stories are read, each has its own marks and articles."""
    index = build(tmp_path, [{**STORY, "title": f"Cloud {n}"} for n in range(40)])
    request = indexer.SearchRequest(query="cloud volterra", limit=40)
    found = []
    for compiled in (False, True):
        with indexer.open_index(index, compiled=compiled) as engine:
            engine.warm_up()
            hits = list(engine.export(request))
            # From the last one on, so that stories are not read in the order they come in.
            found.append(
                [
                    (hit.highlights, [(one.title, one.highlights) for one in hit.related])
                    for hit in reversed(hits)
                ]
            )
            titles = [re.sub("</?mark>", "", hit.highlights["title"]) for hit in hits]
            assert titles == [hit.story.title for hit in hits]
    assert found[0] == found[1]
    assert len(found[0]) == 40
