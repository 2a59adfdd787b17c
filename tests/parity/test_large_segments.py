"""Same answers where a segment has more rows than the low half of a number tells apart."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.codec.format import CHUNK_SIZE
from indexer.model import Article, SearchRequest, Story
from indexer.query.nodes import All, Either, Everything, Fuzzy, Pattern, Phrase, Without, Word
from indexer.search.nearness import nearness
from tests.corpora.segments import write_snapshot
from tests.parity.conftest import CLOSE, ask, searchers_of

SIZE = 90_000
DELETED = (0, 7, 40_000, SIZE - 1)
#: Word → how often it is in the lead, and in the related article, of a story.
WORDS = ("every", "ends", "outer", "last", "tenth", "rare")


def lead_words(number):
    """The words of a story's title, in order."""
    edge = number % 32_768 in (0, 32_767) or number == SIZE - 1
    present = {
        "ends": edge, "outer": (number < 30_000 or number >= 80_000) and number % 7 == 0,
        "last": number >= 75_000 and number % 3 == 0, "tenth": number % 10 == 0,
        "rare": number in (5, 44_444, 89_990),
    }  # fmt: skip
    return ["every"] * (1 + number % 3) + [word for word, there in present.items() if there]


def related_words(number):
    """The words of its related article; a third of all stories have none."""
    if number % 3 == 0:
        return []
    return ["other", *(["tenth"] if number % 100 == 1 else [])]


def story(number):
    """A story of these words."""
    words = related_words(number)
    related = (Article(title=" ".join(words)),) if words else ()
    return Story(id=str(number), title=" ".join(lead_words(number)), related=related)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """One segment of several chunks of rows, and of documents."""
    made = write_snapshot(
        tmp_path_factory.mktemp("large"), list(map(story, range(SIZE))), 1, DELETED
    )
    (segment,) = made.segments
    assert segment.row_count > 2 * CHUNK_SIZE
    assert len(segment.chunk_docs) > 3
    return made


@pytest.fixture(scope="module")
def has():
    """Word → bool[SIZE], the stories that have it, deleted ones left out."""
    masks = {word: np.zeros(SIZE, np.bool_) for word in (*WORDS, "other")}
    for number in set(range(SIZE)).difference(DELETED):
        for word in (*lead_words(number), *related_words(number)):
            masks[word][number] = True
    return masks


def check(snapshot, node, expected):
    """Assert that both executors find these stories, with the same scores; best k as well."""
    plain, fast = (ask(searcher, node, SIZE) for searcher in searchers_of(snapshot))
    assert sorted(plain.doc_ids) == sorted(fast.doc_ids) == np.flatnonzero(expected).tolist()
    assert plain.matched == fast.matched == plain.total == fast.total
    assert plain.scores == pytest.approx(fast.scores, **CLOSE)
    for k in (1, 10, 300):
        first, second = (ask(searcher, node, k) for searcher in searchers_of(snapshot))
        assert first.doc_ids == plain.doc_ids[:k]
        assert second.doc_ids == fast.doc_ids[:k]


@pytest.mark.parametrize("word", [*WORDS, "other"])
def test_a_word(snapshot, has, word):
    """A word in some chunks alone, at their ends, or in all."""
    check(snapshot, Word(word), has[word])


@pytest.mark.parametrize(
    "words",
    ["ends tenth", "outer last", "every rare", "last tenth outer", "ends other", "rare last"],
)
def test_words_together(snapshot, has, words):
    """All and any of some words, alone and beside what must not be there."""
    parts = tuple(map(Word, words.split()))
    masks = [has[word] for word in words.split()]
    check(snapshot, All(parts), np.logical_and.reduce(masks))
    check(snapshot, Either(parts), np.logical_or.reduce(masks))
    without = np.logical_or.reduce(masks) & ~has["ends"]
    check(snapshot, Without(Either(parts), Word("ends")), without)
    check(snapshot, All((Everything(), *parts)), np.logical_and.reduce(masks))


def test_other_leaves(snapshot, has):
    """Phrases, patterns, near spellings and fields in every chunk."""
    lead = np.array([word in lead_words(n) for n in range(SIZE) for word in ("tenth",)])
    check(snapshot, Word("tenth", "title"), lead & has["tenth"])
    check(snapshot, Pattern("te*"), has["tenth"])
    check(snapshot, Fuzzy("ouster", 1), has["outer"])
    phrase = [" outer tenth" in f" {' '.join(lead_words(n))}" for n in range(SIZE)]
    check(snapshot, Phrase(("outer", "tenth")), np.array(phrase) & has["outer"])
    related = [related_words(n) == ["other", "tenth"] for n in range(SIZE)]
    check(snapshot, Phrase(("other", "tenth"), 0, "related"), np.array(related) & has["other"])


@pytest.mark.parametrize("query", ["rare ends", "rare absent", "last outer tenth ends rare every"])
@pytest.mark.parametrize("sort", ["relevance", "quality"])
def test_typed_words(snapshot, query, sort):
    """Where words are left out, both executors list the same stories."""
    plain, fast = (
        searcher.find(SearchRequest(query=query, sort=sort), 40)
        for searcher in searchers_of(snapshot)
    )
    one, other = plain.answer, fast.answer
    assert (one.matched, one.total, one.complete) == (other.matched, other.total, other.complete)
    assert one.doc_ids == other.doc_ids
    assert one.scores == pytest.approx(other.scores, **CLOSE)


def test_related_articles_are_scored_in_every_chunk(snapshot):
    """What matches of a story is the same wherever it stands."""
    plain, fast = searchers_of(snapshot)
    request = SearchRequest(query="tenth other")
    found, other = plain.find(request, 10), fast.find(request, 10)
    numbers = (40_001, 1, SIZE - 199, 101)
    pairs = zip(found.matching(numbers), other.matching(numbers), strict=True)
    for ((place, score),), ((same, near),) in pairs:
        assert place == same == 0
        assert score == pytest.approx(near, **CLOSE)


def test_words_near_each_other_in_every_chunk(snapshot):
    """Both executors weigh a story the same wherever it stands."""
    numbers = [40_001, 1, SIZE - 199, 101, SIZE - 1, 0]
    words = (Word("outer"), Word("tenth"), Word("other"))
    one, other = (
        nearness(searcher.executor, searcher.selector.dictionary, words, numbers)
        for searcher in searchers_of(snapshot)
    )
    assert one == pytest.approx(other)
    assert max(one) > min(one)
