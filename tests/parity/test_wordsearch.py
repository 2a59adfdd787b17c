"""Queries of words, answered at once by compiled loops: the same as looked at one by one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from whoosh import query as wq

from indexer.codec.format import CHUNK_DOCS
from indexer.engine import COMPILED, PLAIN_ONLY
from indexer.search.answer import FacetWish
from indexer.search.executor import NO_FILTERS, Executor
from indexer.search.fast import words as onepass
from indexer.search.fast.rank import Accumulators
from indexer.search.fast.tally import Counter
from indexer.search.snapshot import Snapshot
from tests.corpora.documents import WORDS, build, documents

#: Scores are single-precision in the compiled loops.
TOLERANCE = 1e-5


def executors(folder: Path, segments: int, deleted: tuple[str, ...]) -> tuple[Executor, Executor]:
    """Compiled and plain, over 300 documents."""
    gone = [("id", name) for name in deleted]
    made = build(folder / "index", documents(300, seed=segments), segments, gone)
    snapshot = Snapshot(made.storage.folder, None, list(made._segments()))  # type: ignore[arg-type]
    COMPILED.load()
    return Executor(snapshot, COMPILED), Executor(snapshot, PLAIN_ONLY)


@pytest.fixture(scope="module", params=[(1, ()), (2, ()), (9, ()), (3, ("story-3", "story-150"))])
def both(request: Any, tmp_path_factory: Any) -> tuple[Executor, Executor]:
    segments, deleted = request.param
    return executors(tmp_path_factory.mktemp("words"), segments, deleted)


FIELDS = {"title": 3.0, "excerpt": 1.5, "related": 1.0}
groups = st.sampled_from((*WORDS, "absent")).map(
    lambda word: wq.Or([wq.Term(name, word, boost=boost) for name, boost in FIELDS.items()])
)
phrases = st.builds(
    lambda terms, slop: wq.Or(
        [wq.Phrase(name, terms, slop=slop, boost=boost) for name, boost in FIELDS.items()]
    ),
    st.lists(st.sampled_from(WORDS[:6]), min_size=1, max_size=4),
    st.integers(1, 4),
)
several = st.lists(groups, min_size=1, max_size=4)
words = st.one_of(several.map(wq.Or), several.map(wq.And), phrases)
clauses = st.one_of(
    words,
    st.builds(wq.AndNot, words, groups),
    words.map(lambda q: wq.And([q, wq.ConstantScoreQuery(wq.Term("year", "2020"), 0.0)])),
)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(query=clauses, k=st.integers(0, 20), filters=st.integers(0, 2), seed=st.integers(0, 9))
def test_compiled_answers_equal_plain_ones(both, query, k, filters, seed):
    """Matches, total, order, scores and facet counts equal those of the plain evaluator."""
    compiled, _ = both
    draw = np.random.default_rng(seed)
    failed = [
        draw.choice(np.array([0, 0, 0, 1, 2, 255], np.uint8), segment.doc_count)
        if filters
        else NO_FILTERS
        for segment in compiled.snapshot.segments
    ]
    wishes = [FacetWish("provider", 1), FacetWish("year", 0), FacetWish("topic", 2)]
    got, wanted = (engine.search(query, failed, k, wishes) for engine in both)
    assert (got.matched, got.total) == (wanted.matched, wanted.total)
    assert got.scores == pytest.approx(wanted.scores, rel=TOLERANCE)
    assert got.doc_ids == wanted.doc_ids
    for one, other in zip(got.counts, wanted.counts, strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize(
    "query",
    [
        wq.And([wq.Term("related", WORDS[0]), wq.Term("title", WORDS[1])]),
        wq.Or([wq.Phrase("related", WORDS[:2]), wq.Phrase("title", WORDS[:2])]),
        wq.Phrase("title", WORDS[:2], slop=3),
    ],
    ids=["words", "phrase in fields", "phrase"],
)
def test_words_take_the_one_pass(both, query):
    """A query of words or of a phrase is not handed to the evaluators."""
    compiled, _ = both
    failed = [NO_FILTERS] * len(compiled.snapshot.segments)
    expected = compiled.search(query, failed, 5)
    compiled.match = None  # type: ignore[method-assign,assignment]
    try:
        assert compiled.search(query, failed, 5) == expected
    finally:
        del compiled.match


@pytest.mark.parametrize("boost", [0.0, -1.0])
def test_boosts_that_are_not_positive_count_too(both, boost):
    """Documents that score 0 or less match all the same."""
    query = wq.Or([wq.Term("related", WORDS[0], boost=boost), wq.Term("title", WORDS[1])])
    failed = [NO_FILTERS] * len(both[0].snapshot.segments)
    got, wanted = (engine.search(query, failed, 300) for engine in both)
    assert (got.total, got.doc_ids) == (wanted.total, wanted.doc_ids)


def lists_over(size: int, shares: list[float], seed: int) -> dict[str, Any]:
    """Invented postings of one field, in chunks, as the loops take them."""
    draw = np.random.default_rng(seed)
    picks = [np.flatnonzero(draw.random(size) < share) for share in shares]
    chunks = -(-size // CHUNK_DOCS)
    edges = np.arange(chunks + 1) * CHUNK_DOCS
    starts = np.cumsum([0, *map(len, picks)])
    pairs = zip(starts[:-1], picks, strict=True)
    bounds = np.array([start + np.searchsorted(pick, edges) for start, pick in pairs])
    docs = np.concatenate(picks)
    return {
        "size": size,
        "picks": picks,
        "bounds": bounds.astype(np.int64),
        "docs": (docs % CHUNK_DOCS).astype(np.uint16),
        "tfs": draw.integers(1, 256, len(docs)).astype(np.uint8),
        "lengths": draw.integers(1, 256, (1, size)).astype(np.uint8),
        "norms": draw.random((1, 256)).astype(np.float32) + 1,
        "weights": draw.random(len(picks)).astype(np.float32) + 1,
    }


def brute_force(made: dict[str, Any], groups: list[int] | None) -> np.ndarray:
    """float64[size]: the score of every document, 0 for those that do not match."""
    scores = np.zeros(made["size"])
    met = np.zeros((len(made["picks"]), made["size"]), bool)
    at = 0
    for i, pick in enumerate(made["picks"]):
        tf = made["tfs"][at : at + len(pick)].astype(float)
        at += len(pick)
        norms = made["norms"][0, made["lengths"][0, pick]]
        scores[pick] += made["weights"][i] * tf / (tf + norms)
        met[i, pick] = True
    if groups is not None:
        for begin, end in pairwise(groups):
            scores[~met[begin:end].any(axis=0)] = 0
    return scores


@pytest.mark.parametrize("size", [1, 63, 5000, 3 * CHUNK_DOCS + 77])
@pytest.mark.parametrize(
    "shares", [[0.3, 0.001, 0.02], [0.0001, 0.9, 0.5], [0.6, 0.7, 0.5], [0, 0, 0]]
)
@pytest.mark.parametrize("groups", [None, [0, 1, 3], [0, 2, 3]])
def test_loops_equal_brute_force_over_several_chunks(size, shares, groups):
    """Totals, the best with ties in order, and marks, whatever sizes and chunks."""
    check_loops(size, shares, groups)


@pytest.mark.parametrize("size", [100, 70_000])
@pytest.mark.parametrize("rarest", [0.002, 0.95])
@pytest.mark.parametrize("groups", [8, 9, 15, 16, 40])
def test_more_groups_than_a_byte_has_bits(size, rarest, groups):
    """However many words must match; the first may be rare or not."""
    check_loops(size, [rarest] + [0.97] * (groups - 1), list(range(groups + 1)))


def check_loops(size: int, shares: list[float], groups: list[int] | None) -> None:
    """The loops give what brute force does, and leave their room as they found it."""
    made = lists_over(size, shares, seed=size)
    scores = brute_force(made, groups)
    words = -(-size // 64)
    bits = np.zeros(words, np.uint64)
    best = np.empty(10, np.uint32), np.empty(10, np.float32), np.zeros(3, np.int64)
    failed = (np.arange(size) % 7 == 0).astype(np.uint8)
    sums, stages = np.zeros(CHUNK_DOCS, np.float32), np.zeros(CHUNK_DOCS, np.uint8)
    scratch = sums, stages, np.empty(CHUNK_DOCS + 1, np.uint16)
    arguments = (
        made["docs"],
        made["tfs"],
        made["lengths"],
        made["norms"],
        made["bounds"],
        np.zeros(len(shares), np.int64),
        made["weights"],
    )
    outcome = (failed, 1000, *scratch, bits, *best)
    if groups is None:
        onepass.match_any(*arguments, *outcome)
    else:
        onepass.match_all(*arguments, np.array(groups, np.int64), *outcome)
    held, matched, passed = best[2].tolist()
    assert matched == np.count_nonzero(scores)
    marks = np.unpackbits(bits.view(np.uint8), bitorder="little")[:size]
    assert (marks == (scores > 0)).all()
    scores[failed > 0] = 0
    assert passed == np.count_nonzero(scores)
    wanted = np.argsort(-scores, kind="stable")[: min(10, passed)]
    assert best[1][:held] == pytest.approx(scores[wanted], rel=TOLERANCE)
    assert not sums.any()
    assert not stages.any()


def bitmap(chosen: np.ndarray) -> np.ndarray:
    """bool[N] → uint64[N / 64], as the loops mark documents."""
    packed = np.packbits(chosen, bitorder="little").tobytes()
    return np.frombuffer(packed.ljust(-(-len(chosen) // 64) * 8, b"\0"), np.uint64).copy()


@settings(max_examples=100)
@given(
    seed=st.integers(0, 1000),
    size=st.integers(1, 3000),
    values=st.sampled_from([1, 40, 64, 90]),
    share=st.sampled_from([0.0, 0.01, 0.5, 0.95, 1.0]),
    most=st.sampled_from([0, 30, 512]),
    width=st.sampled_from([np.uint16, np.uint32]),
)
def test_rows_count_as_lists_do(seed, size, values, share, most, width):
    """Counted by list at first, then frequent values by rows and rare ones by list."""
    draw = np.random.default_rng(seed)
    have = draw.random((size, values)) < draw.random(values) ** 3
    offsets = np.concatenate([[0], np.cumsum(have.sum(axis=1))]).astype(np.uint32)
    ordinals = np.nonzero(have)[1].astype(np.uint16)
    chosen = draw.random(size) < share
    sums = Accumulators(size, 0)
    sums.bits[:] = bitmap(chosen)
    wanted = have[chosen].sum(axis=0).tolist()
    counter = Counter(offsets, ordinals.astype(width), have.sum(axis=0), most)
    for _ in range(8):
        counts = counter.count(sums, NO_FILTERS, 0, np.count_nonzero(chosen))
        assert counts.tolist() == wanted


def test_facets_of_an_engine_that_stays_are_counted_by_rows(both):
    """Counts stay what they are when a facet has been counted often."""
    compiled, plain = both
    query = wq.Or([wq.Term("related", word) for word in WORDS])
    failed = [NO_FILTERS] * len(compiled.snapshot.segments)
    wishes = [FacetWish("provider"), FacetWish("year"), FacetWish("topic")]
    wanted = [counts.tolist() for counts in plain.search(query, failed, 5, wishes).counts]
    for _ in range(8):
        got = compiled.search(query, failed, 5, wishes).counts
        assert [counts.tolist() for counts in got] == wanted
