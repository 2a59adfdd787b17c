"""Same answers where one segment has more documents than the low half of a number tells apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from whoosh import query as wq

from indexer.codec import Segment
from indexer.codec.invert import Postings
from indexer.codec.read import SegmentArrays
from indexer.codec.stored import NO_RECORD, compress_records
from indexer.codec.write import write_segment
from indexer.engine import PLAIN_ONLY
from indexer.query.clauses import AndNot
from indexer.search.plain import K1, B
from tests.corpora.segments import (
    snapshot_of,
)
from tests.parity.conftest import check, check_page, executor_of

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
    for kind in (PLAIN_ONLY, kernels):
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
