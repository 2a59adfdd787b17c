"""Same answers of both executors and of brute force, where something is rare."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

import indexer
from indexer.model import FACETS, SORTS, Article, SearchRequest, Story
from indexer.query.nodes import (
    All,
    DateRange,
    Either,
    Pattern,
    Phrase,
    Word,
)
from tests.corpora.segments import make_stories, write_snapshot
from tests.oracles.brute_force import Corpus
from tests.parity.conftest import check_tree, searchers_of
from tests.parity.requests import check_request


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
        assert {*corpus.rank(Phrase(words, slop))} == found
        check_tree(snapshot, Phrase(words, slop), corpus)
    for node in (Word("cat"), All((Word("cat"), Word("dog")))):
        check_tree(snapshot, node, corpus)


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
        check_tree(snapshot, node, corpus)


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
                check_tree(snapshot, node, corpus)
        request = SearchRequest(query=" ".join(forms), facets=FACETS)
        check_request(snapshot, corpus, request)


@pytest.mark.parametrize("pattern", ["tak*", "t*", "?a*"])
def test_a_pattern_whose_words_come_in_another_order_than_their_stems(tmp_path, pattern):
    """A pattern stands for `taken` between `take` and `takes`, whose stem is another one."""
    texts = ["take", "taken", "takes", "taking", "take taken takes", "wake", "dog"]
    snapshot, corpus = snapshot_of_texts(tmp_path, texts)
    for field in (None, "body"):
        node = Pattern(pattern, field)
        check_tree(snapshot, node, corpus)


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
            check_tree(snapshot, Word(word, field), corpus)


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
    for node in (
        Word("zebu"),
        Either((Word("zebu"), Word("dog"))),
        All((Word("sun"), Word("fish"))),
    ):
        check_tree(snapshot, node, corpus)


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
        check_tree(snapshot, node, corpus)
