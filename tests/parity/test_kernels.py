"""The compiled loops, each against plain array arithmetic on random arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from indexer.codec import positions_fast as phrases
from indexer.codec.format import offsets_of
from indexer.codec.invert import chunk_runs
from indexer.codec.positions import PositionPacker
from indexer.kernels.galloping import SEARCH_FACTOR
from indexer.search.fast import postings as kernels

SIZE = 65_536 + 9_000
ROWS = 3


class Lists(NamedTuple):
    """Postings of several terms, and the arguments of the loops that go over them."""

    ids: list[np.ndarray]
    tfs: list[np.ndarray]
    arguments: tuple[np.ndarray, ...]

    def scores(self, number):
        """float64[SIZE], the score of each document in one list, 0 where it is not."""
        _, _, lengths, norms, _, rows, weights = self.arguments
        ids, tfs = self.ids[number], self.tfs[number].astype(float)
        scores = np.zeros(SIZE)
        norm = norms[rows[number], lengths[rows[number], ids]]
        scores[ids] = weights[number] * tfs / (tfs + norm)
        return scores

    def inside(self, number):
        """bool[SIZE], the documents of one list."""
        return np.isin(np.arange(SIZE), self.ids[number])


def lists_of(random, ids):
    tfs = [random.integers(1, 256, len(part), np.uint8) for part in ids]
    arguments = (
        np.concatenate(ids).astype(np.uint16),
        np.concatenate(tfs),
        random.integers(1, 256, (ROWS, SIZE), np.uint8),
        np.vstack([random.random((ROWS, 256)) + 0.1, np.zeros((1, 256))]).astype(np.float32),
        bounds_of(ids),
        random.integers(0, ROWS, len(ids)),
        (random.random(len(ids)) + 0.1).astype(np.float32),
    )
    return Lists(ids, tfs, arguments)


def bounds_of(ids):
    starts = offsets_of([len(part) for part in ids])
    cuts = [np.searchsorted(part, (0, 65_536, SIZE)) for part in ids]
    return np.array([start + cut for start, cut in zip(starts, cuts, strict=False)])


def sample(random, count, low=0, high=SIZE):
    return np.sort(random.choice(np.arange(low, high), count, replace=False))


def assert_found(result, inside, scores):
    count, found, sums = result
    assert np.array_equal(found[:count], np.flatnonzero(inside))
    assert np.allclose(sums[:count], scores[inside], rtol=1e-5)


@pytest.mark.parametrize("sizes", [(1,), (5_000,), (0, 10), (10, 3_000, 60_000)])
def test_score_any_adds_up_all_lists(sizes):
    """Every document of any list is found once, with the sum of its scores."""
    random = np.random.default_rng(1)
    lists = lists_of(random, [sample(random, size) for size in sizes])
    numbers = range(len(sizes))
    assert_found(
        kernels.score_any(*lists.arguments),
        np.any([lists.inside(number) for number in numbers], axis=0),
        np.sum([lists.scores(number) for number in numbers], axis=0),
    )


def test_score_any_counts_a_list_given_twice_twice():
    """A word that is asked for twice scores twice."""
    random = np.random.default_rng(2)
    part = sample(random, 100)
    lists = lists_of(random, [part, part])
    both = lists.scores(0) + lists.scores(1)
    assert_found(kernels.score_any(*lists.arguments), lists.inside(0), both)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "groups",
    [
        pytest.param([[40], [40 * SEARCH_FACTOR + 3_000]], id="searched"),
        pytest.param([[900], [3_000]], id="read"),
        pytest.param([[50], [800], [50 * SEARCH_FACTOR + 3_000]], id="read, then searched"),
        pytest.param(
            [[30, 30], [60 * SEARCH_FACTOR + 4_000, 500], [20_000, 70]], id="several a group"
        ),
        pytest.param([[10, 10, 2_000], [20_000, 30_000], [60_000]], id="dense"),
        pytest.param([[3_000]], id="one group"),
        pytest.param([[0], [500]], id="an empty list"),
    ],
)
def test_score_all_intersects_groups(groups, seed):
    """Found is what has a list of every group, whether lists are read or searched."""
    random = np.random.default_rng(seed)
    shared = np.union1d(sample(random, 30), (0, 65_535, 65_536, SIZE - 1))
    ids = [
        np.union1d(sample(random, size), shared) if size else np.empty(0, np.int64)
        for group in groups
        for size in group
    ]
    lists = lists_of(random, ids)
    ends = offsets_of([len(group) for group in groups])
    inside = np.ones(SIZE, np.bool_)
    for begin, end in pairwise(ends):
        inside &= np.any([lists.inside(number) for number in range(begin, end)], axis=0)
    scores = np.sum([lists.scores(number) for number in range(len(ids))], axis=0)
    assert_found(kernels.score_all(*lists.arguments, ends), inside, scores)


def test_score_all_of_lists_in_one_chunk_each():
    """Terms that never share a chunk of documents have nothing in common."""
    random = np.random.default_rng(4)
    ids = [sample(random, 500, high=65_536), sample(random, 500, low=65_536)]
    lists = lists_of(random, ids)
    assert kernels.score_all(*lists.arguments, np.arange(3))[0] == 0


@pytest.mark.parametrize("seed", range(4))
def test_documents_of_a_range_of_terms(seed):
    """Whatever chunks the terms pass through, each document of any of them is found once."""
    random = np.random.default_rng(seed)
    sizes = random.choice([1, 2, 40, 9_000], 12)
    ids = [
        sample(random, size, low=low) for size, low in zip(sizes, [0, 0, 65_536] * 4, strict=True)
    ]
    docs = np.concatenate(ids).astype(np.uint32)
    starts = offsets_of([len(part) for part in ids])
    chunks, runs, run_chunks = chunk_runs(docs, starts)
    arrays = (docs.astype(np.uint16), starts.astype(np.uint32), chunks, runs.astype(np.uint32))
    for first in range(len(ids)):
        for last in range(first, len(ids) + 1):
            found = kernels.documents_of_terms(*arrays, run_chunks, first, last, SIZE)
            wanted = np.unique(docs[starts[first] : starts[last]])
            assert np.array_equal(found, wanted)


def packed(flat, tfs):
    """Positions as `SegmentArrays.position_arrays` gives them."""
    packer = PositionPacker()
    data = b"".join([*packer.add(flat.astype(np.uint32), tfs), packer.finish()])
    return (
        np.minimum(tfs, 255).astype(np.uint8),
        np.frombuffer(data, np.uint64),
        packer.blocks.astype(np.uint32),
        packer.widths,
        packer.long.astype(np.uint32),
        packer.counts,
    )


class Places(NamedTuple):
    """Lists of words in a field, where each word stands in each document, and it all packed."""

    lists: Lists
    places: list[list[np.ndarray]]
    packed: tuple[np.ndarray, ...]

    def phrase(self, doc, terms, slop):
        """Whether a document has the terms in order, each at most `slop` after the last."""
        reached = None
        for term in terms:
            part = self.lists.ids[term]
            at = np.searchsorted(part, doc)
            here = set(self.places[term][at].tolist()) if doc in part[at : at + 1] else set()
            if reached is not None:
                here = {p for p in here if reached & set(range(p - slop, p))}
            reached = here
        return bool(reached)


def places_of(random, count, most, spread=1):
    """Random words in documents all over; some documents have all of them.

    The greater `spread`, the more each is frequent than the one before.
    """
    shared = np.unique(np.concatenate([sample(random, 150), [0, 65_535, 65_536, SIZE - 1]]))
    ids = [np.union1d(sample(random, 100 * (spread * word + 1)), shared) for word in range(count)]
    places = [
        [np.sort(random.choice(4 * most, random.integers(1, most), replace=False)) for _ in part]
        for part in ids
    ]
    flat = [place for part in places for place in part]
    tfs = np.array([len(place) for place in flat], np.uint32)
    lists = lists_of(random, ids)
    arrays = packed(np.concatenate(flat), tfs)
    ends = offsets_of(np.array([len(part) for part in ids]))
    tfs_of = [arrays[0][begin:end] for begin, end in pairwise(ends)]
    return Places(lists._replace(tfs=tfs_of), places, arrays)


@pytest.mark.parametrize("slop", [1, 2, 5])
@pytest.mark.parametrize("fields", [1, 2])
@pytest.mark.parametrize(
    ("most", "spread"),
    [(4, 1), (300, 1), (4, 100)],
    ids=["few positions", "past 255 positions", "unlike lists"],
)
def test_score_phrases_follows_positions(slop, fields, most, spread):
    """Found is what has the words of a field in order and near enough, in any field."""
    random = np.random.default_rng(slop)
    words = places_of(random, 3 * fields, most, spread)
    docs, _, *scoring = words.lists.arguments
    rows = np.repeat(random.integers(0, ROWS, fields), 3)
    scoring[3] = words.lists.arguments[5][:] = rows
    inside, scores = np.zeros(SIZE, np.bool_), np.zeros(SIZE)
    for field in range(fields):
        terms = range(3 * field, 3 * field + 3)
        here = [doc for doc in words.lists.ids[3 * field] if words.phrase(doc, terms, slop)]
        inside[here] = True
        scores[here] += np.sum([words.lists.scores(term) for term in terms], axis=0)[here]
    assert inside.any()
    found = kernels.score_phrases(docs, *words.packed, *scoring, 3, slop)
    assert_found(found, inside, scores)


def positions_in(docs, packed, begin, end, place):
    """Where a term stands in a document."""
    positions = np.empty(max(1, phrases.most_positions(*packed)), np.int64)
    count = phrases.positions_in(docs, *packed, begin, end, place, positions)
    return positions[:count]


def test_positions_in_any_document():
    """A word stands where it was put, in documents that have it, and nowhere in others."""
    random = np.random.default_rng(9)
    words = places_of(random, 2, 300)
    docs = words.lists.arguments[0]
    for term, (bounds, part) in enumerate(
        zip(words.lists.arguments[4], words.lists.ids, strict=True)
    ):
        for doc in range(0, SIZE, 97):
            begin, end = bounds[doc >> 16 : (doc >> 16) + 2]
            found = positions_in(docs, words.packed, begin, end, doc & 65_535)
            at = np.searchsorted(part, doc)
            here = words.places[term][at] if doc in part[at : at + 1] else np.empty(0, np.int64)
            assert found.tolist() == here.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_damaged_positions_stay_in_bounds(seed):
    """Whatever offsets, widths and counts say, only what is there is read."""
    random = np.random.default_rng(seed)
    words = places_of(random, 2, 300)
    tfs, bits, blocks, widths, long, counts = (array.copy() for array in words.packed)
    high = 2**32
    for array, most in ((blocks, high), (widths, 256), (long, high), (counts, high), (tfs, 256)):
        hit = random.random(array.shape) < 0.3
        array[hit] = random.integers(0, most, array.shape)[hit].astype(array.dtype)
    docs, _, *scoring = words.lists.arguments
    damaged = (tfs, bits[: 1 + len(bits) // (1 + seed % 2)], blocks, widths, long, counts)
    for slop in (1, 3):
        count, found, _ = kernels.score_phrases(docs, *damaged, *scoring, 2, slop)
        assert np.isin(found[:count], np.intersect1d(*words.lists.ids)).all()
    limit = 64 * len(damaged[1])
    for doc in words.lists.ids[0][:100].tolist():
        begin, end = scoring[2][0][doc >> 16 : (doc >> 16) + 2]
        found = positions_in(docs, damaged, begin, end, doc & 65_535)
        assert len(found) <= limit


@pytest.mark.parametrize("k", [0, 1, 10, 500])
@pytest.mark.parametrize("filtered", [False, True])
def test_best_keeps_the_order_of_documents_among_equals(k, filtered):
    """The best k by score, of equals those with the lowest numbers; and the exact total."""
    random = np.random.default_rng(k)
    found = sample(random, 400).astype(np.uint32)
    sums = random.integers(0, 8, len(found)).astype(np.float32)
    failed = random.integers(0, 3, SIZE, np.uint8) if filtered else np.empty(0, np.uint8)
    docs, scores = np.empty(min(k, 400), np.uint32), np.empty(min(k, 400), np.float32)
    total = kernels.best(found, sums, failed, docs, scores)
    passed = failed[found] == 0 if filtered else np.ones(len(found), np.bool_)
    assert total == passed.sum()
    order = np.argsort(-sums[passed], kind="stable")[:k]
    assert docs[:total].tolist() == found[passed][order].tolist()
    assert scores[:total].tolist() == sums[passed][order].tolist()


@pytest.mark.parametrize("width", [np.uint16, np.uint32])
@pytest.mark.parametrize("own", [0, 1, 2])
@pytest.mark.parametrize("filtered", [False, True])
def test_count_facet_ignores_its_own_filter(width, own, filtered):
    """Documents that only the facet's own filter keeps out are counted, others not."""
    random = np.random.default_rng(own)
    values = 300
    found = sample(random, 2_000).astype(np.uint32)
    offsets = offsets_of(random.integers(0, 5, SIZE)).astype(np.uint32)
    ordinals = random.integers(0, values, offsets[-1]).astype(width)
    reasons = np.array([0, 1, 2, 255], np.uint8)
    failed = reasons[random.integers(0, 4, SIZE)] if filtered else np.empty(0, np.uint8)
    counts = np.zeros(values, np.int64)
    counts[7] = 40
    kernels.count_facet(found, failed, own, offsets, ordinals, counts)
    counted = found[np.isin(failed[found], (0, own))] if filtered else found
    parts = [ordinals[offsets[doc] : offsets[doc + 1]] for doc in counted]
    expected = np.bincount(np.concatenate(parts), minlength=values)
    expected[7] += 40
    assert counts.tolist() == expected.tolist()
