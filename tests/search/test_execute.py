"""Same answers: the plain and the compiled evaluator, Whoosh itself and brute force agree."""

from __future__ import annotations

import math
import random
import tempfile
from datetime import date, datetime, timezone
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from whoosh import query as wq
from whoosh.query import spans
from whoosh.scoring import BM25F
from whoosh.searching import Searcher

import indexer
from indexer import schema
from indexer.codec import Segment
from indexer.codec.invert import Postings
from indexer.codec.read import SegmentArrays
from indexer.codec.stored import NO_RECORD, compress_records
from indexer.codec.write import write_segment
from indexer.model import FACETS, Article, Story
from indexer.query.clauses import AndNot, words
from indexer.search.executor import NO_KERNELS, Executor, Kernels
from indexer.search.facets import Filters
from indexer.search.plain import K1, B
from tests import oracle
from tests.codec.segment_corpus import (
    NO_SCORE,
    QUERIES,
    WORDS,
    ask_whoosh,
    make_stories,
    make_story,
    snapshot_of,
    write_snapshot,
)

#: Scores are ranked in single precision; Whoosh adds up in double.
CLOSE = {"rel": 1e-5, "abs": 1e-6}
SETTINGS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DELETED = (0, 3, 17, 18, 19, 42, 59)


@pytest.fixture(scope="module")
def kernels():
    loaded = Kernels()
    loaded.load()
    return loaded


@pytest.fixture(scope="module")
def stories():
    return make_stories(60, seed=3)


@pytest.fixture(scope="module")
def splits(stories, tmp_path_factory):
    """The same stories, some of them deleted, in 1, 2 and 9 segments."""
    made = {}
    for segments in (1, 2, 9):
        folder = tmp_path_factory.mktemp("split")
        made[segments] = write_snapshot(folder, stories, segments, DELETED)
    return made


@lru_cache(maxsize=16)
def executor_of(snapshot, kernels):
    """One executor for all queries, since some of its ways are taken only after a while."""
    return Executor(snapshot, kernels)


def no_filters(snapshot):
    return [np.empty(0, np.uint8)] * len(snapshot.segments)


def answer(executor, query):
    """Document number → score, of everything that matches."""
    none = no_filters(executor.snapshot)
    found = executor.match(query)
    total, order, _ = executor.top(found, none, 10_000)
    doc_ids, scores = executor.passing(found, none)
    assert total == len(doc_ids)
    by_score = sorted(range(total), key=lambda i: (-scores[i], doc_ids[i]))
    assert order == [doc_ids[i] for i in by_score]
    return dict(zip(doc_ids.tolist(), scores.tolist(), strict=True))


def check_page(executor, query, expected, k):
    """Assert that a page of k is the best k of what is expected, and the total exact."""
    page = executor.search(query, no_filters(executor.snapshot), k)
    assert (page.matched, page.total) == (len(expected), len(expected)), query
    assert len(page.doc_ids) == min(k, page.total)
    assert page.scores == pytest.approx(sorted(expected.values(), reverse=True)[:k], **CLOSE)
    assert page.scores == pytest.approx([expected[doc] for doc in page.doc_ids], **CLOSE)
    ranked = list(zip((-score for score in page.scores), page.doc_ids, strict=True))
    assert ranked == sorted(ranked)


def check(snapshot, query, kernels, **options):
    """Assert that all agree; returns the answer."""
    expected = ask_whoosh(snapshot, query, **options)
    for kind in (NO_KERNELS, kernels):
        executor = executor_of(snapshot, kind)
        found = answer(executor, query)
        name = "compiled" if kind.loaded else "plain"
        assert list(found) == list(expected), (name, query)
        assert found == pytest.approx(expected, **CLOSE), (name, query)
        for k in (0, 3, 100):
            check_page(executor, query, expected, k)
    return expected


CAT, DOG = wq.Term("body", "cat", boost=2.0), wq.Term("title", "dog")
ALPHA = wq.ConstantScoreQuery(wq.Term("provider", "alpha.example"), NO_SCORE)


@settings(SETTINGS, max_examples=100)
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


@settings(SETTINGS, max_examples=25)
@given(
    st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 3),
    st.sets(st.integers(0, 8), max_size=3), st.lists(QUERIES, min_size=3, max_size=6),
)  # fmt: skip
def test_answers_over_any_corpus_equal_those_of_whoosh(
    kernels, seed, count, segments, deleted, queries
):
    """The same holds for any handful of stories, cut anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = make_stories(count, seed)
        snapshot = write_snapshot(Path(folder), corpus, min(segments, count), deleted)
        for query in queries:
            check(snapshot, query, kernels)


@settings(SETTINGS, max_examples=40)
@given(typed=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True))
def test_scores_of_words_equal_brute_force(splits, stories, kernels, typed):
    """Words in every text field score the weighted sum of BM25, however many segments."""
    fields = [oracle.read_fields(indexer_fields(story)) for story in stories]
    expected = {
        number: oracle.score(typed, story, fields)
        for number, story in enumerate(fields)
        if number not in DELETED and any(oracle.matches(("word", word), story) for word in typed)
    }
    query = wq.Or([words(word) for word in typed])
    for snapshot in splits.values():
        for kind in (NO_KERNELS, kernels):
            assert answer(executor_of(snapshot, kind), query) == pytest.approx(expected, **CLOSE)
            check_page(executor_of(snapshot, kind), query, expected, 20)


def indexer_fields(story):
    """A story as the fields of its file, as far as text is concerned."""
    related = [{"title": a.title, "excerpt": a.excerpt} for a in story.related]
    return {
        "title": story.title, "excerpt": story.excerpt, "body": story.body, "related": related
    }  # fmt: skip


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
        for kind in (NO_KERNELS, kernels):
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
            executor = executor_of(snapshot, kernels if compiled else NO_KERNELS)
            filters = Filters(executor, keys, *span)
            wishes = [filters.wish(facet) for facet in FACETS]
            for query in (wq.Term("title", word), wq.And([wq.Term("title", word), EVERYTHING])):
                page = executor.search(query, filters.failed, k, wishes)
                assert page.total == total.get("all", 0)
                for facet, counts, expected in zip(FACETS, page.counts, wanted, strict=True):
                    rows = filters.rows(facet, snapshot.facet(facet), counts)
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
        ):  # fmt: skip
            continue
        for value in values[facet] if facet else ("all",):
            counts[value] = counts.get(value, 0) + 1
    return counts


def test_a_word_said_hundreds_of_times(tmp_path, kernels):
    """Frequencies past 255, before and in a phrase, give Whoosh's answers."""
    texts = {
        "many": "cat " * 300 + "dog", "reversed": "dog " + "cat " * 300, "limit": "cat " * 255,
        "below": "cat " * 254 + "dog", "apart": "cat " * 400 + "fish dog " * 260, "few": "cat dog",
    }  # fmt: skip
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


# More documents in one segment than the low half of a document number can tell apart.

SIZE = 2 * 65_536 + 1_000
ORDER = ("ends", "outer", "last", "tenth")


@pytest.fixture(scope="module")
def presence():
    """Word → bool[SIZE], the documents that have it."""
    docs = np.arange(SIZE)
    return {
        "ends": np.isin(docs % 65_536, (0, 65_535)) | (docs == SIZE - 1),
        "outer": ((docs < 65_536) | (docs >= 131_072)) & (docs % 7 == 0),
        "last": (docs >= 131_072) & (docs % 3 == 0),
        "tenth": docs % 10 == 0,
    }


@pytest.fixture(scope="module")
def large(presence, tmp_path_factory):
    """Titles "every (every every) ends outer last tenth", each word where it is present."""
    folder = tmp_path_factory.mktemp("large")
    docs = np.arange(SIZE, dtype=np.uint32)
    tfs = {"every": 1 + docs % 3}
    first = np.cumsum(tfs["every"]) - tfs["every"]
    places = {"every": np.arange(tfs["every"].sum()) - np.repeat(first, tfs["every"])}
    lengths = tfs["every"].astype(np.int64)
    holders = {"every": docs}
    for word in ORDER:
        holders[word] = docs[presence[word]]
        tfs[word] = np.ones(len(holders[word]), np.uint32)
        places[word] = lengths[presence[word]]
        lengths = lengths + presence[word]
    terms = sorted(holders)
    frequencies = np.concatenate([tfs[word] for word in terms]).astype(np.uint32)
    postings = Postings(
        name="title", terms=[word.encode() for word in terms],
        starts=np.cumsum([0, *(len(holders[word]) for word in terms)]),
        docs=np.concatenate([holders[word] for word in terms]),
        tfs=frequencies,
        positions=np.concatenate([places[word] for word in terms]).astype(np.uint32),
    )  # fmt: skip
    segment = Segment("MAIN", docs=SIZE)
    write_segment(
        folder, segment.segment_id(), docs=SIZE, fields=[postings], lengths={"title": lengths},
        columns={}, facets=(), stored=compress_records([NO_RECORD] * SIZE),
    )  # fmt: skip
    return snapshot_of(folder, [segment]), lengths


def brute_scores(presence, lengths, word):
    """The BM25 scores of one word, float64[SIZE]."""
    docs = np.arange(SIZE)
    tf = 1 + docs % 3 if word == "every" else presence[word].astype(float)
    idf = math.log(SIZE / (np.count_nonzero(tf) + 1)) + 1
    return idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * lengths / lengths.mean()))


@pytest.mark.parametrize("every", [True, False], ids=["all", "any"])
@pytest.mark.parametrize(
    "wanted",
    [
        ["every"], ["ends"], ["outer"], ["last"], ["ends", "every"], ["outer", "tenth"],
        ["last", "outer"], ["ends", "last", "tenth"], ["every", "tenth", "outer"],
    ],
)  # fmt: skip
def test_words_of_a_segment_past_65536_documents(large, presence, kernels, wanted, every):
    """Documents and scores are right wherever in a large segment the words are."""
    snapshot, lengths = large
    query = (wq.And if every else wq.Or)([wq.Term("title", word) for word in wanted])
    scores = np.array([brute_scores(presence, lengths, word) for word in wanted])
    inside = (scores > 0).all(axis=0) if every else (scores > 0).any(axis=0)
    for kind in (NO_KERNELS, kernels):
        (found,) = executor_of(snapshot, kind).match(query)
        assert np.array_equal(found.doc_ids, np.flatnonzero(inside))
        assert np.allclose(found.scores, scores.sum(axis=0)[inside], rtol=1e-5)
        expected = dict(
            zip(np.flatnonzero(inside).tolist(), scores.sum(axis=0)[inside].tolist(), strict=True)
        )
        check_page(executor_of(snapshot, kind), query, expected, 100)


def test_phrases_of_a_segment_past_65536_documents(large, presence, kernels):
    """A phrase is found in each part of a large segment, and only where it stands."""
    snapshot, _ = large
    none = ~presence["ends"] & ~presence["outer"] & ~presence["last"]
    docs = np.arange(SIZE)
    cases = [
        (["every", "ends"], 1, presence["ends"]),
        (["ends", "outer"], 1, presence["ends"] & presence["outer"]),
        (["every", "tenth"], 1, none & presence["tenth"]),
        (["every", "tenth"], 4, presence["tenth"]),
        (["outer", "last", "tenth"], 1, presence["outer"] & presence["last"] & presence["tenth"]),
        (["every", "every", "ends"], 1, presence["ends"] & (docs % 3 > 0)),
        (["tenth", "every"], 4, np.zeros(SIZE, np.bool_)),
    ]
    for terms, slop, expected in cases:
        query = wq.Phrase("title", terms, slop=slop)
        (found,) = executor_of(snapshot, kernels).match(query)
        assert np.array_equal(found.doc_ids, np.flatnonzero(expected)), terms
    check(snapshot, wq.Phrase("title", ["ends", "outer"]), kernels)


def test_compiled_phrases_are_not_read_word_by_word(large, presence, kernels, monkeypatch):
    """Once compiled code is loaded, phrases do without the slow way to read positions."""
    snapshot, _ = large
    monkeypatch.setattr(SegmentArrays, "positions", lambda *_: pytest.fail("read one by one"))
    (found,) = executor_of(snapshot, kernels).match(wq.Phrase("title", ["every", "tenth"], slop=4))
    assert len(found.doc_ids) == np.count_nonzero(presence["tenth"])


def test_other_queries_of_a_segment_past_65536_documents(large, presence, kernels):
    """Patterns and exclusions reach every part of a large segment."""
    snapshot, _ = large
    rare = wq.ConstantScoreQuery(wq.Prefix("title", "en"), 2.0)
    assert list(check(snapshot, rare, kernels)) == np.flatnonzero(presence["ends"]).tolist()
    query = AndNot(wq.Term("title", "ends"), wq.Term("title", "last"))
    expected = np.flatnonzero(presence["ends"] & ~presence["last"])
    assert list(check(snapshot, query, kernels)) == expected.tolist()


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
