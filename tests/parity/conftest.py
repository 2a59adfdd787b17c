"""Snapshots of the same stories, and what both executors answer over them."""

from __future__ import annotations

from functools import lru_cache

import pytest

from indexer.engine import COMPILED, PLAIN_ONLY
from indexer.query.parsed import ParsedQuery
from indexer.search import find
from indexer.search.answer import NO_FILTERS, Ordering
from indexer.search.executor import Executor
from indexer.search.find import Searcher
from indexer.search.plan import plan_of
from tests.corpora.segments import make_stories, write_snapshot
from tests.corpora.typed import make_copied_stories, make_written_stories
from tests.oracles.brute_force import FIRST, Corpus

#: Scores are added up in single precision.
CLOSE = {"rel": 1e-5, "abs": 1e-6}
DELETED = (0, 3, 17, 18, 19, 42, 59)


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Have the compiled loops loaded."""
    COMPILED.load()


@pytest.fixture(scope="module")
def stories():
    return make_stories(60, seed=3)


@pytest.fixture(scope="module")
def corpus(stories):
    """The same stories as brute force sees them."""
    return Corpus(stories, DELETED)


@pytest.fixture(scope="module")
def written():
    """Stories whose words come in several forms."""
    return Corpus(make_written_stories(60, seed=4), DELETED)


@pytest.fixture(scope="module", autouse=True)
def unweighed():
    """Leave out nearness and breadth of the first stories; they have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "nearness", lambda *args: [1.0] * len(args[-1]))
        patch.setattr(find, "worth_of", lambda breadth: 1.0)
        yield


@pytest.fixture(scope="module")
def copied():
    """Stories many of which have the lead of another."""
    return Corpus(make_copied_stories(60, seed=5), DELETED)


def splits_of(stories, tmp_path_factory):
    """Some stories, some of them deleted, in 1, 2 and 9 segments."""
    return [
        write_snapshot(tmp_path_factory.mktemp("split"), stories, segments, DELETED)
        for segments in (1, 2, 9)
    ]


@pytest.fixture(scope="module")
def splits(stories, tmp_path_factory):
    return splits_of(stories, tmp_path_factory)


@pytest.fixture(scope="module")
def written_splits(written, tmp_path_factory):
    return splits_of(written.stories, tmp_path_factory)


@pytest.fixture(scope="module")
def copied_splits(copied, tmp_path_factory):
    return splits_of(copied.stories, tmp_path_factory)


@lru_cache(maxsize=16)
def searchers_of(snapshot):
    """A searcher that runs plans plainly and one that runs compiled loops.

    They stay for all queries, since some ways are taken only after a while.
    """
    return tuple(Searcher(Executor(snapshot, loops)) for loops in (PLAIN_ONLY, COMPILED))


def ask(searcher, node, k=10_000):
    """What a tree selects, best first."""
    none = [NO_FILTERS] * len(searcher.executor.snapshot.segments)
    plan = plan_of(searcher.selector, ParsedQuery.of(node))
    return searcher.executor.run(plan, Ordering(none), k)


def check_answer(answer, keys, k, about):
    """Assert that an answer lists the k best; keys: story → what it is ordered by."""
    assert len(answer.doc_ids) == min(k, len(keys)), about
    assert len({*answer.doc_ids}) == len(answer.doc_ids), about
    best = sorted(keys.values(), reverse=True)[:k]
    # Stories with all words come first, and scores are told without that.
    scores = [key - FIRST if key >= FIRST else max(key, 0.0) for key in best]
    assert [keys[doc] for doc in answer.doc_ids] == pytest.approx(best, **CLOSE), about
    assert answer.scores == pytest.approx(scores, **CLOSE), about


def check_tree(snapshot, node, corpus):
    """Assert that both executors select what brute force does, with the same scores."""
    expected = corpus.rank(node)
    for searcher in searchers_of(snapshot):
        for k in (0, 3, 10_000):
            answer = ask(searcher, node, k)
            assert (answer.matched, answer.total) == (len(expected), len(expected)), node
            check_answer(answer, expected, k, node)
        for k in (1, 3):
            first = ask(searcher, node, k)
            assert first.doc_ids == answer.doc_ids[:k], node
            assert first.scores == answer.scores[:k], node
            assert first.breadths == answer.breadths[:k], node
        ranked = list(zip((-score for score in answer.scores), answer.doc_ids, strict=True))
        assert ranked == sorted(ranked), node
        for doc, breadth in zip(answer.doc_ids, answer.breadths, strict=True):
            assert breadth == pytest.approx(corpus.breadth(node, doc), **CLOSE), node
