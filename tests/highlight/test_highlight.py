"""Marked text and the related articles that match."""

from __future__ import annotations

import html
import re
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.np.numpy_support import as_dtype

import indexer
from indexer import schema
from indexer.analysis import iter_words, stem
from indexer.codec.read import SegmentArrays
from indexer.highlight.fast import cut as cutting
from indexer.highlight.fast import explain as marking
from indexer.highlight.html import cut_words
from indexer.kernels.phrases import PositionsTable
from indexer.search.fast.lookup import SegmentTable
from tests.conftest import build

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
@settings(max_examples=60, deadline=None)
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
@settings(max_examples=40, deadline=None)
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


def marks(*texts):
    """The words between marks; Chinese ones, which touch, share one."""
    found = [
        html.unescape(part) for text in texts for part in re.findall("<mark>(.*?)</mark>", text)
    ]
    return [word.text for part in found for word in iter_words(part)]


@given(st.lists(STORIES, min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
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


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 255))
@settings(max_examples=300)
def test_damaged_texts_are_named_not_followed(data, place, value):
    """Whatever the stored texts of a story are, reading them ends in an answer or an error."""
    texts = bytearray(_packed())
    texts[place % len(texts)] = value
    for candidate in (data, bytes(texts), bytes(texts)[: place % len(texts)]):
        count = explain_damaged(candidate)
        assert -1 <= count <= len(candidate)
        try:
            expected = schema.read_texts(candidate)
        except ValueError:
            continue
        assert (count == -1) == any(
            not 0 <= words <= len(text.encode()) for words, text in zip(*expected, strict=True)
        )


def test_texts_that_end_early_are_damaged():
    """What lies behind the texts of a story is not taken for a part of them."""
    assert explain_damaged(_packed()) == 1
    assert {explain_damaged(_packed()[:size]) for size in range(len(_packed()))} == {-1}


def explain_damaged(texts):
    """How many articles match in these texts, by a pattern that says the most different things."""
    buffers = marking.Buffers(1, len(texts) + 1, 1)
    query = np.array([1, 1, 3, 0, 0, 0, 0, np.float64(1.0).view(np.int64)])
    found = [[0, 0, 3, 0, 0], [0, 0, 4, 0, 9], [0, 0, 9, 0, 0], [0, 0, 0, 0, 0], [0, 0, -1, 0, 0]]
    marking.explain(
        SegmentTable.fill(**arrays_of(SegmentTable)),
        PositionsTable.fill(**arrays_of(PositionsTable)),
        buffers.table, query, np.empty((0, 3), np.int64),
        np.array([[0], [len(texts)]]), np.array(found),
        np.frombuffer(texts + bytes(cutting.PAD), np.uint8),
    )  # fmt: skip
    size = int(buffers.ends[0])
    assert size <= len(buffers.packed) - cutting.PAD
    # An array of four, of which the first is an array with an item for each article.
    return int.from_bytes(buffers.packed[2:6]) if size else -1


def arrays_of(table):
    """Arrays of a segment with one document and no terms."""
    return {
        name: np.zeros([1] * kind.ndim, as_dtype(kind.dtype))
        for name, kind in table.columns.items()
    }


def _packed():
    texts = ("é", "a b", "", "a", "x" * 40)
    return msgspec.msgpack.encode(schema.Texts((1, 2, 0, 1, 1), texts))


def test_damaged_texts_are_an_error(tmp_path, monkeypatch):
    """Texts that are damaged are an error of the index, compiled or not."""
    index = build(tmp_path, [STORY])
    for damaged in (b"\x92", _packed().replace(b"\xc3\xa9", b"\xc3\xff")):
        monkeypatch.setattr(SegmentArrays, "stored_texts", lambda *_: damaged)  # noqa: B023
        for compiled in (False, True):
            with indexer.open_index(index, compiled=compiled) as engine:
                engine.warm_up()
                (hit,) = engine.search("cloud").hits
                with pytest.raises(indexer.IndexCorrupt, match=r"\.sto"):
                    str(hit.highlights), [article.highlights for article in hit.related]
                with pytest.raises(indexer.IndexCorrupt, match=r"\.sto"):
                    str(hit.story)


def test_damage_of_one_story_spoils_no_other(tmp_path, monkeypatch):
    """On a page with a story that cannot be read, or whose texts are damaged, the rest is shown."""
    stories = [{**STORY, "title": f"Cloud {n}"} for n in range(4)]
    index = build(tmp_path, stories)
    stored = SegmentArrays.stored_texts

    def damaged(segment, doc):
        if doc == 1:
            raise segment.stored_file.corrupt("torn")
        return b"\x92" if doc == 2 else stored(segment, doc)

    expected = [marks(hit.highlights["title"]) for hit in hits_of(index, True)]
    assert expected == [["Cloud"]] * 4
    monkeypatch.setattr(SegmentArrays, "stored_texts", damaged)
    for compiled in (False, True):
        for doc, hit in enumerate(hits_of(index, compiled)):
            if doc in (1, 2):
                with pytest.raises(indexer.IndexCorrupt, match="torn" if doc == 1 else "cannot"):
                    str(hit.highlights)
                with pytest.raises(indexer.IndexCorrupt):
                    str(hit.related)
            else:
                assert hit.highlights["title"] == f"<mark>Cloud</mark> {hit.story.title[-1]}"
                assert [article.score for article in hit.related]


def hits_of(index, compiled):
    """The hits for a word, in the order of the stories."""
    with indexer.open_index(index, compiled=compiled) as engine:
        engine.warm_up()
        return engine.search("cloud", sort="oldest").hits


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
