"""Snapshots of the same stories, and what the executors answer over them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from indexer.engine import COMPILED, PLAIN_ONLY
from indexer.search.executor import Executor
from tests.corpora.segments import make_stories, write_snapshot
from tests.oracles.whoosh_searcher import ask_whoosh

#: Scores are ranked in single precision; Whoosh adds up in double.
CLOSE = {"rel": 1e-5, "abs": 1e-6}
DELETED = (0, 3, 17, 18, 19, 42, 59)


@pytest.fixture(scope="module")
def kernels():
    COMPILED.load()
    return COMPILED


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
    for kind in (PLAIN_ONLY, kernels):
        executor = executor_of(snapshot, kind)
        found = answer(executor, query)
        name = "compiled" if kind.loaded else "plain"
        assert list(found) == list(expected), (name, query)
        assert found == pytest.approx(expected, **CLOSE), (name, query)
        for k in (0, 3, 100):
            check_page(executor, query, expected, k)
    return expected
