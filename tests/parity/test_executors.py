"""Same answers: the plain and the compiled executor, brute force, and Whoosh itself."""

from __future__ import annotations

import tempfile
from datetime import datetime, timezone
from math import inf
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import indexer
from indexer.analysis import stem_of
from indexer.dates import first_instant, last_instant
from indexer.model import FACETS, SORTS, Article, SearchRequest, Story
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
from indexer.query.parser import parse
from indexer.schema import facet_key, facet_values
from indexer.search.nearness import nearness
from tests.corpora.queries import EXACT_QUERIES, KEYWORDS, QUERIES
from tests.corpora.segments import WORDS, make_stories, write_snapshot
from tests.corpora.typed import REQUESTS, make_written_stories
from tests.oracles.brute_force import Corpus, lies_between
from tests.oracles.whoosh_queries import to_whoosh
from tests.oracles.whoosh_searcher import stories_of_whoosh
from tests.parity.conftest import CLOSE, ask, check_answer, check_tree, searchers_of

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
    expected = corpus.rank(node)
    for snapshot in splits:
        check_tree(snapshot, node, expected)


@settings(max_examples=60)
@given(node=EXACT_QUERIES)
def test_trees_over_words_in_several_forms(written_splits, written, node):
    """The same where words have inflected and derived forms."""
    expected = written.rank(node)
    for snapshot in written_splits:
        check_tree(snapshot, node, expected)


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
            check_tree(snapshot, node, corpus.rank(node))
        for request in requests:
            check_request(snapshot, corpus, request)


def keys_of(corpus, facet, values):
    """The keys that filters stand for: a value that stories have, else what it may mean."""
    known = {key for story in corpus.stories for key in facet_values(story)[facet]}
    keys = set()
    for value in values:
        key = facet_key(facet, value)
        keys |= {key} if key in known else corpus.keys(Keyword(facet, value)) or {key}
    return keys


def expected_of(corpus, request):
    """What brute force finds for a request; counts ignore what is wanted of the facet."""
    parsed = parse(request.query)
    since = request.since and first_instant(request.since)
    until = request.until and last_instant(request.until)
    wanted, unwanted = {}, {}
    for facet, values in request.filters.items():
        excluded = keys_of(corpus, facet, [v[1:] for v in values if v.startswith("-")])
        named = keys_of(corpus, facet, [v for v in values if not v.startswith("-")])
        unwanted[facet] = excluded
        if named - excluded:
            wanted[facet] = named - excluded

    def passes(story, beside=None):
        dated = (since is None and until is None) or lies_between(story.published_at, since, until)
        values = facet_values(story)
        return (
            dated
            and all(facet == beside or keys & {*values[facet]} for facet, keys in wanted.items())
            and not any(keys & {*values[facet]} for facet, keys in unwanted.items())
        )

    ranked = request.sort == "relevance" and parsed.scored
    if parsed.plain:
        result = corpus.search(parsed.plain, parsed.rest, *(() if ranked else (1,)))
        found, complete, keys = result
    else:
        keys = corpus.rank(parsed.node)
        found, complete = list(keys), {*keys}
    passing = [number for number in found if passes(corpus.stories[number])]
    places = None if ranked else _places(corpus.stories, request.sort)
    collapse = request.collapse
    counts = {
        facet: corpus.counts(
            (n for n in found if passes(corpus.stories[n], facet)), facet, collapse
        )
        for facet in FACETS
    }
    passed = {number: keys[number] if ranked else places[number] for number in passing}
    listed = corpus.folded(passed, collapse)
    return len(found), len(complete.intersection(listed)), listed, counts, passed


def _places(stories, sort):
    """Story → a number, the higher the earlier it is listed; all differ."""

    def key(number):
        story = stories[number]
        if sort == "quality":
            return inf if story.quality is None else -story.quality, number
        if story.published_at is None:
            return inf, number
        instant = story.published_at.timestamp()
        return instant if sort == "oldest" else -instant, number

    order = sorted(range(len(stories)), key=key)
    return [-order.index(number) for number in range(len(stories))]


def check_request(snapshot, corpus, request):
    """Assert that both executors find what brute force does, for pages of any size."""
    matched, complete, keys, counts, passed = expected_of(corpus, request)
    groups = [corpus.group(number, request.collapse) for number in range(len(corpus.stories))]
    listed = {groups[number]: key for number, key in keys.items()}
    unranked = request.sort != "relevance" or not parse(request.query).scored
    for searcher in searchers_of(snapshot):
        for k in (0, 10, snapshot.size):
            found = searcher.find(request, k)
            answer = found.answer
            assert (answer.matched, answer.total) == (matched, len(keys)), request
            assert answer.complete == complete, request
            assert sorted(searcher.listed(request).tolist()) == sorted(answer.listed().tolist())
            # Of stories with the same lead and all but the same score, any may come first.
            names = {groups[number]: number for number in (*keys, *answer.doc_ids)}
            check_answer(answer, {names[group]: key for group, key in listed.items()}, k, request)
            for number in answer.doc_ids:
                best = listed[groups[number]]
                assert passed[number] == pytest.approx(best, **CLOSE), request
                others = {n for n in passed if groups[n] == groups[number]} - {number}
                assert {*found.also_in(number)} == others, request
            if k == snapshot.size:
                assert sorted(answer.doc_ids) == sorted(answer.listed().tolist()), request
                other = msgspec.structs.replace(request, query="dog", limit=3)
                assert len(searcher.listed(other)) == searcher.find(other, 0).answer.total
            if unranked:
                assert answer.doc_ids == sorted(keys, key=keys.get, reverse=True)[:k]
            for facet, numbers in zip(request.facets, answer.counts, strict=True):
                values = snapshot.facet(facet).keys
                shown = {key: int(n) for key, n in zip(values, numbers, strict=True) if n}
                assert shown == counts[facet], (facet, request)


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
            return {stem_of(form) for form in selector.expansion(leaf)}

        def values(leaf, snapshot=snapshot):
            return snapshot.meant(leaf.facet, leaf.value)

        with snapshot.reading:
            query = to_whoosh(node, expand=expand, values=values)
            expected = stories_of_whoosh(snapshot.reader, query)
        for searcher in (plain, fast):
            assert sorted(ask(searcher, node).doc_ids) == expected, node


@pytest.mark.parametrize("node", KEYWORDS, ids=repr)
def test_values_of_facets(splits, corpus, node):
    """Keys, domains, names, words of names and patterns select what brute force says."""
    for snapshot in splits:
        check_tree(snapshot, node, corpus.rank(node))


@settings(max_examples=40)
@given(node=EXACT_QUERIES)
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
        check_tree(splits[1], node, corpus.rank(node))


def snapshot_of_texts(folder, texts, segments=1):
    """A story of each text, given as its body, and what brute force sees."""
    stories = [Story(id=str(number), title="a", body=body) for number, body in enumerate(texts)]
    return write_snapshot(folder, stories, segments), Corpus(stories)


@pytest.mark.parametrize("whole", [0, 1, 9, 10])
@pytest.mark.parametrize("sort", ["relevance", "newest"])
def test_when_words_are_left_out(tmp_path, whole, sort):
    """Stories with some of the words are listed where fewer than ten have all; if none, sorted."""
    texts = ["cat dog"] * whole + ["cat"] * 3 + ["dog"] * 3 + ["moon"]
    snapshot, corpus = snapshot_of_texts(tmp_path, texts, 2)
    for query in ("cat dog", "cat dog moon sun", "cat -absent dog"):
        check_request(snapshot, corpus, SearchRequest(query=query, facets=FACETS, sort=sort))
    (_, fast) = searchers_of(snapshot)
    found = fast.find(SearchRequest(query="cat dog", sort=sort), 20)
    assert found.relaxed is (whole < (10 if sort == "relevance" else 1))
    assert found.answer.total == whole + (6 if found.relaxed else 0)


def test_what_holds_too_little_is_not_listed(tmp_path):
    """A story with one common word of a query is not what was meant."""
    texts = ["cat zebu"] * 2 + ["cat"] * 30 + ["zebu"]
    snapshot, corpus = snapshot_of_texts(tmp_path, texts, 3)
    request = SearchRequest(query="cat zebu", facets=FACETS)
    check_request(snapshot, corpus, request)
    assert [searcher.find(request, 20).answer.total for searcher in searchers_of(snapshot)] == [
        3,
        3,
    ]


def test_a_word_said_hundreds_of_times(tmp_path):
    """Frequencies past 255 count, before and in a phrase."""
    texts = [
        "cat " * 300 + "dog", "dog " + "cat " * 300, "cat " * 255, "cat " * 254 + "dog",
        "cat " * 400 + "fish dog " * 260, "cat dog",
    ]  # fmt: skip
    snapshot, corpus = snapshot_of_texts(tmp_path, texts, 2)
    for words, slop, found in (
        (("cat", "dog"), 0, {0, 3, 5}), (("cat", "dog"), 1, {0, 3, 4, 5}), (("dog", "cat"), 0, {1}),
    ):  # fmt: skip
        expected = corpus.rank(Phrase(words, slop))
        assert {*expected} == found
        check_tree(snapshot, Phrase(words, slop), expected)
    for node in (Word("cat"), All((Word("cat"), Word("dog")))):
        check_tree(snapshot, node, corpus.rank(node))


def test_a_word_twice_in_a_phrase(tmp_path):
    """`"cat cat"` needs the word at two places; slop lets other words between."""
    texts = ["cat", "cat dog", "cat cat", "cat dog cat", "dog cat cat cat", "cat dog dog cat"]
    snapshot, corpus = snapshot_of_texts(tmp_path, texts)
    for words, slop, found in (
        ("cat cat", 0, {2, 4}), ("cat cat", 1, {2, 3, 4}), ("cat cat cat", 0, {4}),
        ("cat dog cat", 0, {3}), ("cats cat", 0, {2, 4}),
    ):  # fmt: skip
        node = Phrase(tuple(words.split()), slop)
        assert {*corpus.rank(node)} == found
        check_tree(snapshot, node, corpus.rank(node))


def test_many_forms_of_a_word_in_a_row(tmp_path):
    """A row that has a word in several forms has it once; each light form counts by itself."""
    forms = ("connect", "connects", "connected", "connection", "connections", "connecting")
    texts = [" ".join(forms), "connect " * 3, "connections connect", "connection", "dog"]
    for segments in (1, 5):
        folder = tmp_path / str(segments)
        folder.mkdir()
        snapshot, corpus = snapshot_of_texts(folder, texts, segments)
        for word in forms:
            for node in (Word(word), Word(word, exact=True), Phrase((word, word))):
                check_tree(snapshot, node, corpus.rank(node))
        request = SearchRequest(query=" ".join(forms), facets=FACETS)
        check_request(snapshot, corpus, request)


def test_a_segment_that_lacks_a_field(tmp_path):
    """Stories without related articles, in a segment of their own, score as elsewhere."""
    related = (Article(title="dog " * 30),)
    stories = [
        Story(id="0", title="sun", body="cat"),
        Story(id="1", title="moon sun", body="cat dog fish", related=related),
    ]
    snapshot, corpus = write_snapshot(tmp_path, stories, 2), Corpus(stories)
    for field in (None, "title", "body", "related"):
        for word in ("sun", "cat", "dog"):
            check_tree(snapshot, Word(word, field), corpus.rank(Word(word, field)))


def test_a_story_with_hundreds_of_related_articles(tmp_path):
    """The best of many rows decides, wherever it stands."""
    related = tuple(Article(title="dog " * (1 + number % 7)) for number in range(700))
    best = Article(title="zebu")
    stories = [
        Story(id="0", title="sun", related=(*related, best)),
        Story(id="1", title="zebu dog", related=related),
        Story(id="2", title="moon", related=(best, *related)),
    ]
    snapshot, corpus = write_snapshot(tmp_path, stories, 1), Corpus(stories)
    for node in (Word("zebu"), Either((Word("zebu"), Word("dog"))), All((Word("sun"), FISH))):
        check_tree(snapshot, node, corpus.rank(node))


def test_an_index_without_stories_answers(tmp_path):
    """Nothing is found in an empty index, and nothing goes wrong."""
    (tmp_path / "seeds").mkdir()
    indexer.rebuild(tmp_path / "seeds", tmp_path / "index")
    for compiled in (False, True):
        with indexer.open_index(tmp_path / "index", compiled=compiled) as engine:
            engine.warm_up()
            for query in ("", "cat", "cat dog", '"cat dog"', "cat*", "c?t~", "-cat", "provider:x"):
                for sort in SORTS:
                    page = engine.search(query, facets=FACETS, sort=sort)
                    assert (page.total, page.hits) == (0, ())


def test_dates_to_the_microsecond(tmp_path):
    """A range of dates includes an instant on its edge."""
    instants = [datetime(2022, 5, 1, 12, 0, 0, tick, timezone.utc) for tick in range(3)]
    stories = [
        Story(id=str(number), title="cat", published_at=instant)
        for number, instant in enumerate(instants)
    ]
    stories += make_stories(1, 1)
    snapshot, corpus = write_snapshot(tmp_path, stories, 1), Corpus(stories)
    for first, last, found in ((0, 2, 3), (1, 1, 1), (2, 0, 0)):
        node = DateRange(instants[first], instants[last])
        assert len(corpus.rank(node)) == found
        check_tree(snapshot, node, corpus.rank(node))
