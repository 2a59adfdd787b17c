"""Same answers: the plain and the compiled executor, brute force, and Whoosh itself."""

from __future__ import annotations

import tempfile
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.analysis import stem_of
from indexer.model import FACETS, SearchRequest
from indexer.query.nodes import (
    All,
    DateRange,
    Either,
    Everything,
    Fuzzy,
    Keyword,
    NumberRange,
    Pattern,
    Phrase,
    Without,
    Word,
)
from indexer.search.nearness import nearness
from tests.corpora.queries import EXACT_QUERIES, KEYWORDS, QUERIES
from tests.corpora.segments import WORDS, write_snapshot
from tests.corpora.typed import REQUESTS, make_written_stories
from tests.oracles.brute_force import Corpus
from tests.oracles.whoosh_queries import to_whoosh
from tests.oracles.whoosh_searcher import reader_of, stories_of_whoosh
from tests.parity.conftest import CLOSE, ask, check_tree, searchers_of
from tests.parity.requests import check_request

CAT, DOG, FISH = Word("cat", weight=2.0), Word("dog", "title"), Word("fish")
ALPHA = Keyword("provider", "alpha.example")


@settings(max_examples=120)
@given(node=EXACT_QUERIES)
@example(node=All((CAT, DOG)))
@example(node=Either((CAT, DOG, CAT)))
@example(node=All((Either((CAT, DOG)), FISH, ALPHA)))
@example(node=Without(Without(All((CAT, ALPHA)), DOG), Phrase(("cat", "cat"))))
@example(node=Either((Phrase(("dog", "cat"), 2, weight=2.0), Without(FISH, CAT))))
@example(node=Either((All((CAT, FISH)), All((FISH, Keyword("topic", "AI"))))))
@example(node=All(()))
@example(node=Either(()))
@example(node=All((CAT, Either(()))))
@example(node=Without(Everything(), CAT))
def test_trees_select_and_score_as_brute_force_says(splits, corpus, node):
    """Any tree over 1, 2 or 9 segments with deletions: these stories, these scores."""
    for snapshot in splits:
        check_tree(snapshot, node, corpus)


@settings(max_examples=60)
@given(node=EXACT_QUERIES)
def test_trees_over_words_in_several_forms(written_splits, written, node):
    """The same where words have inflected and derived forms."""
    for snapshot in written_splits:
        check_tree(snapshot, node, written)


@settings(max_examples=20)
@given(
    st.integers(0, 2**32),
    st.integers(1, 9),
    st.integers(1, 3),
    st.sets(st.integers(0, 8), max_size=3),
    st.lists(EXACT_QUERIES, min_size=3, max_size=6),
    st.lists(REQUESTS, min_size=3, max_size=6),
)
def test_any_handful_of_stories(seed, count, segments, deleted, nodes, requests):
    """The same holds for any few stories, cut anywhere."""
    corpus = Corpus(make_written_stories(count, seed), deleted)
    with tempfile.TemporaryDirectory() as folder:
        snapshot = write_snapshot(Path(folder), corpus.stories, min(segments, count), deleted)
        for node in nodes:
            check_tree(snapshot, node, corpus)
        for request in requests:
            check_request(snapshot, corpus, request)


@settings(max_examples=120)
@given(request=REQUESTS)
@example(request=SearchRequest(query="cat", facets=FACETS))
@example(request=SearchRequest(query="the", facets=FACETS))
@example(request=SearchRequest(query="how the of", facets=FACETS))
@example(request=SearchRequest(query="how the cat", facets=FACETS))
@example(request=SearchRequest(query="zebu moor bard", facets=FACETS))
@example(request=SearchRequest(query="zebu moor bard computers cat", facets=FACETS))
@example(request=SearchRequest(query="compute computer computing", facets=FACETS))
@example(request=SearchRequest(query="zebu moor -cat", facets=FACETS))
@example(request=SearchRequest(query="zebu moor", facets=FACETS, sort="newest"))
@example(request=SearchRequest(query="absent zebu", facets=FACETS, filters={"topic": ("ai",)}))
def test_what_is_typed_finds_what_brute_force_says(written_splits, written, request):
    """Words, all or some, beside function words, filters and what must hold; any order."""
    for snapshot in written_splits:
        check_request(snapshot, written, request)


@settings(max_examples=60)
@given(request=REQUESTS)
def test_related_articles_that_match(written_splits, written, request):
    """Both executors name the same related articles of each story, with the same scores."""
    for snapshot in written_splits:
        plain, fast = searchers_of(snapshot)
        found = plain.find(request, 20)
        other = fast.find(request, 20)
        docs = found.answer.doc_ids
        for doc, one, same in zip(docs, found.matching(docs), other.matching(docs), strict=True):
            assert [score for _, score in one] == pytest.approx([s for _, s in same], **CLOSE)
            assert {number for number, _ in one} == {number for number, _ in same}
            assert all(number < len(written.stories[doc].related) for number, _ in one)


@settings(max_examples=40)
@given(words=st.lists(st.sampled_from(WORDS), min_size=2, max_size=5))
@example(words=["cat", "dog", "cats"])
@example(words=["cat", "absent", "dog"])
def test_words_near_each_other(written_splits, written, words):
    """Both executors weigh stories the same, in whatever order and however many segments."""
    docs = sorted(range(len(written.stories)), key=lambda doc: doc * 7 % 60)
    factors = [
        nearness(searcher.executor, searcher.selector.dictionary, tuple(map(Word, words)), docs)
        for snapshot in written_splits
        for searcher in searchers_of(snapshot)
    ]
    assert all(one == pytest.approx(factors[0]) for one in factors)
    assert max(factors[0]) > 1 or not {"cat", "dog"} <= {*words}


@settings(max_examples=50)
@given(node=QUERIES)
@example(node=Pattern("?a*", "related"))
@example(node=Fuzzy("mood", 1, "title"))
@example(node=Phrase(("cat", "dog"), 2, "related"))
@example(node=All((CAT, DOG, ALPHA)))
@example(node=NumberRange("quality", 0, 80, low_open=True))
@example(node=DateRange(datetime(2020, 6, 1, tzinfo=timezone.utc), None))
def test_whoosh_finds_the_same_stories(splits, node):
    """Whoosh's own searcher, over the same files, lists the same stories."""
    for snapshot in splits:
        plain, fast = searchers_of(snapshot)
        selector = plain.selector

        def expand(leaf, selector=selector):
            return {stem_of(form) for form in selector.expander.texts(leaf)}

        def values(leaf, snapshot=snapshot):
            return snapshot.meant(leaf.facet, leaf.value)

        query = to_whoosh(node, expand=expand, values=values)
        expected = stories_of_whoosh(reader_of(snapshot), query)
        for searcher in (plain, fast):
            assert sorted(ask(searcher, node).doc_ids) == expected, node


@pytest.mark.parametrize("node", KEYWORDS, ids=repr)
def test_values_of_facets(splits, corpus, node):
    """Keys, domains, names, words of names and patterns select what brute force says."""
    for snapshot in splits:
        check_tree(snapshot, node, corpus)


@settings(max_examples=40)
@given(node=EXACT_QUERIES)
@example(node=All((Word("dog", acronym=True), Word("dog", acronym=True), Word("bird"))))
def test_segments_change_no_score(written_splits, node):
    """The same stories in one segment and in nine have the very same scores."""
    one, _, nine = (searchers_of(snapshot) for snapshot in written_splits)
    for first, second in zip(one, nine, strict=True):
        answers = [ask(searcher, node) for searcher in (first, second)]
        assert answers[0].doc_ids == answers[1].doc_ids
        assert answers[0].scores == answers[1].scores


@settings(max_examples=100)
@given(request=REQUESTS)
@example(request=SearchRequest(query="", facets=FACETS, sort="newest"))
@example(request=SearchRequest(query="cat", facets=FACETS))
@example(request=SearchRequest(query="zebu moor bard computers cat", facets=FACETS))
@example(request=SearchRequest(query="cat", facets=FACETS, filters={"provider": ("gamma",)}))
@example(request=SearchRequest(query="cat", facets=FACETS, filters={"topic": ("-ai",)}))
def test_stories_with_the_same_lead_are_listed_as_one(copied_splits, copied, request):
    """The best of each group, in every order, under filters, in any number of segments."""
    for snapshot in copied_splits:
        check_request(snapshot, copied, request)


@pytest.mark.parametrize("count", [2, 8, 255, 256])
def test_as_many_words_as_a_query_may_have(splits, corpus, count):
    """Stories are found by as many words as the query language allows."""
    for node in (All((Word("cat"),) * count), Either((Word("cat"), DOG) * (count // 2))):
        check_tree(splits[1], node, corpus)
