"""Same answers: the plain and the compiled executor, Whoosh itself and brute force."""

from __future__ import annotations

import random
import tempfile
from datetime import date, datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from whoosh import query as wq
from whoosh.query import spans
from whoosh.scoring import BM25F
from whoosh.searching import Searcher

import indexer
from indexer import schema
from indexer.engine import PLAIN_ONLY
from indexer.model import FACETS, Article, Story
from indexer.query.clauses import AndNot, words
from indexer.search.facets import Filters
from tests.corpora.queries import NO_SCORE, QUERIES
from tests.corpora.segments import WORDS, make_stories, make_story, write_snapshot
from tests.oracles import brute_force
from tests.oracles.whoosh_searcher import ask_whoosh
from tests.parity.conftest import CLOSE, DELETED, answer, check, check_page, executor_of

CAT, DOG = wq.Term("body", "cat", boost=2.0), wq.Term("title", "dog")
ALPHA = wq.ConstantScoreQuery(wq.Term("provider", "alpha.example"), NO_SCORE)


@settings(max_examples=100)
@given(query=QUERIES)
@example(query=wq.And([CAT, DOG], boost=3.0))
@example(query=wq.Or([CAT, DOG], boost=3.0))
@example(query=wq.And([wq.Or([CAT, DOG], boost=3.0), words("fish")]))
@example(query=wq.And([words("cat"), words("dog"), words("fish")]))
@example(query=AndNot(AndNot(wq.And([words("cat"), ALPHA]), DOG), wq.Phrase("body", ["cat"] * 2)))
@example(query=wq.Or([wq.Phrase("body", ["dog", "cat"], slop=2, boost=2.0), DOG]))
def test_answers_equal_those_of_whoosh(splits, kernels, query):
    """Any query over 1, 2 or 9 segments with deletions: Whoosh's documents, scores, order."""
    answers = [check(snapshot, query, kernels) for snapshot in splits.values()]
    assert all(found == pytest.approx(answers[0], **CLOSE) for found in answers[1:])


@settings(max_examples=25)
@given(
    st.integers(0, 2**32),
    st.integers(1, 9),
    st.integers(1, 3),
    st.sets(st.integers(0, 8), max_size=3),
    st.lists(QUERIES, min_size=3, max_size=6),
)
def test_answers_over_any_corpus_equal_those_of_whoosh(
    kernels, seed, count, segments, deleted, queries
):
    """The same holds for any handful of stories, cut anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = make_stories(count, seed)
        snapshot = write_snapshot(Path(folder), corpus, min(segments, count), deleted)
        for query in queries:
            check(snapshot, query, kernels)


@settings(max_examples=40)
@given(typed=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True))
def test_scores_of_words_equal_brute_force(splits, stories, kernels, typed):
    """Words in every text field score the weighted sum of BM25, however many segments."""
    fields = [brute_force.read_fields(indexer_fields(story)) for story in stories]
    expected = {
        number: brute_force.score(typed, story, fields)
        for number, story in enumerate(fields)
        if number not in DELETED
        and any(brute_force.matches(("word", word), story) for word in typed)
    }
    query = wq.Or([words(word) for word in typed])
    for snapshot in splits.values():
        for kind in (PLAIN_ONLY, kernels):
            assert answer(executor_of(snapshot, kind), query) == pytest.approx(expected, **CLOSE)
            check_page(executor_of(snapshot, kind), query, expected, 20)


def indexer_fields(story):
    """A story as the fields of its file, as far as text is concerned."""
    related = [{"title": a.title, "excerpt": a.excerpt} for a in story.related]
    return {"title": story.title, "excerpt": story.excerpt, "body": story.body, "related": related}


@pytest.mark.parametrize("segments", [1, 2, 9])
def test_totals_equal_those_of_a_whoosh_search(splits, kernels, segments):
    """A whole Whoosh search, collector and all, lists the same stories in the same order."""
    snapshot = splits[segments]
    query = wq.And([words("cat"), words("dog")])
    results = Searcher(snapshot.reader, weighting=BM25F()).search(query, limit=None)
    found = executor_of(snapshot, kernels).match(query)
    none = [np.empty(0, np.uint8)] * len(found)
    total, doc_ids, scores = executor_of(snapshot, kernels).top(found, none, 100)
    assert total == len(results) > 10
    assert scores == pytest.approx([hit.score for hit in results], **CLOSE)
    assert set(doc_ids) == {hit.docnum for hit in results}


@pytest.mark.parametrize(
    "query",
    [
        wq.AndMaybe(wq.Term("title", "cat"), wq.Term("body", "dog")),
        wq.DisjunctionMax([wq.Term("title", "cat"), wq.Term("body", "cat", boost=2.0)]),
        wq.Require(wq.Term("related", "cat"), wq.Term("published", "true")),
        wq.Otherwise(wq.Term("title", "absent"), wq.Term("title", "zebu")),
        wq.TermRange("title", "cat", "fish"),
        wq.TermRange("provider", "a", "c"),
        wq.ConstantScoreQuery(wq.TermRange("body", None, "dog", endexcl=True), 2.0),
        wq.Prefix("body", "ca"),
        wq.Prefix("body", "ca", constantscore=False),
        wq.Wildcard("title", "?o*"),
        wq.FuzzyTerm("title", "cat"),
        wq.Regex("title", "[cd]a.*"),
        wq.Variations("title", "cat"),
        wq.Every("quality"),
        wq.Or([words("cat"), wq.Term("body", "moon")], scale=0.5),
        wq.NumericRange("quality", 1, 90, constantscore=False),
        wq.NullQuery,
        wq.Or([]),
        wq.And([]),
        wq.Not(wq.Term("title", "cat")),
        wq.And([wq.Not(wq.Term("title", "cat")), wq.Not(wq.Term("title", "dog"))]),
        spans.SpanFirst(wq.Term("body", "cat")),
        wq.Sequence([wq.Term("body", "cat"), wq.Term("body", "dog")]),
        wq.Ordered([wq.Term("body", "cat"), wq.Term("body", "dog")]),
        wq.AndNot(wq.DisjunctionMax([words("cat"), words("dog")]), wq.Prefix("title", "c")),
        wq.And([words("cat"), wq.DisjunctionMax([words("dog"), words("fish")])]),
        wq.Or([words("cat"), wq.AndMaybe(words("dog"), words("fish")), wq.Every()]),
        wq.ConstantScoreQuery(wq.Require(words("cat"), words("dog")), 1.5),
    ],
    ids=repr,
)
def test_other_kinds_of_query_run_as_in_whoosh(splits, kernels, query):
    """Queries that only Whoosh knows, alone and inside others, give Whoosh's answers."""
    for snapshot in splits.values():
        if isinstance(query, wq.AndNot):
            # Whoosh's own lets the first document through; see clauses.AndNot.
            expected = AndNot(query.a, query.b)
            found = answer(executor_of(snapshot, kernels), query)
            assert found == pytest.approx(ask_whoosh(snapshot, expected), **CLOSE)
        else:
            check(snapshot, query, kernels, unions=wq.Or.AUTO_MATCHER)


@pytest.mark.parametrize(
    "query",
    [
        wq.And([wq.Term("title", "cat"), wq.Or([])]),
        wq.And([wq.Or([wq.Or([])]), wq.Term("title", "cat"), wq.Term("title", "dog")]),
    ],
    ids=repr,
)
def test_a_clause_that_matches_nothing_fails_a_conjunction(splits, kernels, query):
    """A conjunction with an empty disjunction in it matches no story."""
    assert check(splits[1], query, kernels) == {}


def test_a_negation_in_a_conjunction_takes_away_only(splits, kernels):
    """`And` with a `Not` in it matches what Whoosh matches."""
    query = wq.And([wq.Term("body", "cat"), wq.Not(wq.Term("body", "dog"))])
    for snapshot in splits.values():
        expected = list(ask_whoosh(snapshot, query))
        assert expected
        for kind in (PLAIN_ONLY, kernels):
            assert list(answer(executor_of(snapshot, kind), query)) == expected


@pytest.mark.parametrize("count", [2, 8, 255, 256])
def test_as_many_words_as_a_query_may_have(splits, kernels, count):
    """Stories are found by as many words as the query language allows."""
    check(splits[2], wq.And([wq.Term("title", "cat")] * count), kernels)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_facet_counts_equal_brute_force(splits, stories, kernels, compiled):
    """Counts per facet value ignore the facet's own filter and heed all others."""
    random_ = random.Random(5)
    for _ in range(12):
        keys = {
            facet: frozenset(random_.sample(sorted(values_of(stories, facet)), k=2))
            for facet in random_.sample(("provider", "topic", "category", "year"), k=2)
        }
        span = random_.choice([(None, None), (date(2020, 6, 1), date(2021, 10, 1))])
        word, k = random_.choice(WORDS[:6]), random_.choice((10, 1000))
        wanted = [brute_counts(stories, word, keys, *span, facet) for facet in FACETS]
        total = brute_counts(stories, word, keys, *span, None)
        for snapshot in splits.values():
            executor = executor_of(snapshot, kernels if compiled else PLAIN_ONLY)
            filters = Filters(executor, keys, *span)
            wishes = [filters.wish(facet) for facet in FACETS]
            for query in (wq.Term("title", word), wq.And([wq.Term("title", word), EVERYTHING])):
                page = executor.search(query, filters.failed, k, wishes)
                assert page.total == total.get("all", 0)
                for facet, counts, expected in zip(FACETS, page.counts, wanted, strict=True):
                    rows = filters.rows(facet, snapshot.facet(facet), counts, 1000)
                    shown = {
                        schema.facet_key(facet, row.value): row.count for row in rows if row.count
                    }
                    assert shown == expected


EVERYTHING = wq.ConstantScoreQuery(wq.Every(), 0.0)


def values_of(stories, facet):
    return {value for story in stories for value in schema.facet_values(story)[facet]}


def brute_counts(stories, word, keys, since, until, facet):
    counts = {}
    for number, story in enumerate(stories):
        values = schema.facet_values(story)
        if (
            number in DELETED
            or word not in story.title.split()
            or any(not keys[other] & {*values[other]} for other in keys if other != facet)
            or (since and not (story.published_at and since <= story.published_at.date() <= until))
        ):
            continue
        for value in values[facet] if facet else ("all",):
            counts[value] = counts.get(value, 0) + 1
    return counts


def test_a_word_said_hundreds_of_times(tmp_path, kernels):
    """Frequencies past 255, before and in a phrase, give Whoosh's answers."""
    texts = {
        "many": "cat " * 300 + "dog",
        "reversed": "dog " + "cat " * 300,
        "limit": "cat " * 255,
        "below": "cat " * 254 + "dog",
        "apart": "cat " * 400 + "fish dog " * 260,
        "few": "cat dog",
    }
    stories = [Story(id=name, title="a", body=body) for name, body in texts.items()]
    snapshot = write_snapshot(tmp_path, stories, 2)
    found = check(snapshot, wq.Phrase("body", ["cat", "dog"]), kernels)
    assert [stories[doc].id for doc in found] == ["many", "below", "few"]
    found = check(snapshot, wq.Phrase("body", ["cat", "dog"], slop=2), kernels)
    assert [stories[doc].id for doc in found] == ["many", "below", "apart", "few"]
    found = check(snapshot, wq.Phrase("body", ["dog", "cat"]), kernels)
    assert [stories[doc].id for doc in found] == ["reversed"]
    for query in (wq.Term("body", "cat"), wq.And([words("cat"), words("dog")])):
        assert check(snapshot, query, kernels)


def test_a_word_twice_in_a_phrase(tmp_path, kernels):
    """`"cat cat"` needs the word at two places; slop lets other words between."""
    texts = ["cat", "cat dog", "cat cat", "cat dog cat", "dog cat cat cat", "cat dog dog cat"]
    stories = [Story(id=text, title=text) for text in texts]
    snapshot = write_snapshot(tmp_path, stories, 1)

    def found(*args, **options):
        query = wq.Phrase("title", *args, **options)
        return [texts[doc] for doc in check(snapshot, query, kernels)]

    assert found(["cat", "cat"]) == ["cat cat", "dog cat cat cat"]
    assert found(["cat", "cat"], slop=2) == ["cat cat", "cat dog cat", "dog cat cat cat"]
    assert found(["cat", "cat", "cat"]) == ["dog cat cat cat"]
    assert found(["cat", "dog", "cat"]) == ["cat dog cat"]


def test_a_segment_that_lacks_a_field(tmp_path, kernels):
    """Stories without related articles, in a segment of their own, score as elsewhere."""
    related = (Article(title="dog " * 30),)
    stories = [
        Story(id="0", title="sun", body="cat"),
        Story(id="1", title="moon sun", body="cat dog fish", related=related),
    ]
    snapshot = write_snapshot(tmp_path, stories, 2)
    for field in ("title", "body", "related"):
        for word in ("sun", "cat", "dog"):
            check(snapshot, wq.Term(field, word), kernels)


def test_an_index_without_stories_answers(tmp_path):
    """Nothing is found in an empty index, and nothing goes wrong."""
    (tmp_path / "seeds").mkdir()
    indexer.rebuild(tmp_path / "seeds", tmp_path / "index")
    with indexer.open_index(tmp_path / "index") as engine:
        engine.warm_up()
        for query in ("", "cat", '"cat dog"', "cat*", "-cat", "provider:x", "quality:>1"):
            page = engine.search(query, facets=FACETS)
            assert (page.total, page.hits) == (0, ())


def test_dates_to_the_microsecond(tmp_path, kernels):
    """A range of dates includes an instant on its edge unless told otherwise."""
    instants = [datetime(2022, 5, 1, 12, 0, 0, tick, timezone.utc) for tick in range(3)]
    stories = [
        Story(id=str(number), title="cat", published_at=instant)
        for number, instant in enumerate(instants)
    ]
    snapshot = write_snapshot(tmp_path, [*stories, make_story(9, random.Random(1))], 1)
    low, high = (instant.replace(tzinfo=None) for instant in (instants[0], instants[2]))
    assert len(check(snapshot, wq.DateRange("published_at", low, high), kernels)) == 3
    query = wq.DateRange("published_at", low, high, startexcl=True, endexcl=True)
    assert list(check(snapshot, query, kernels)) == [1]
