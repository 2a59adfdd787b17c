"""The compiled loops, each against plain array arithmetic on random arrays."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.codec import positions_fast
from indexer.codec.format import SATURATED, TF_SHIFT, offsets_of
from indexer.codec.positions import PositionPacker
from indexer.codec.positions_fast import PositionsTable
from indexer.kernels import galloping
from indexer.kernels.jit import compile_for
from indexer.search.tally import FacetCounter

SIZE = 3_000


def called_from_python(function):
    """A compiled function that only others call, for Python to call."""
    return compile_for(function.signature, function.py_func, None)


gallop, first_from = map(called_from_python, (galloping.gallop, galloping.first_from))
most_positions, read_positions = map(
    called_from_python, (positions_fast.most_positions, positions_fast.read_positions)
)


def packed(steps, tfs):
    """Positions as files have them."""
    packer = PositionPacker()
    data = b"".join([*packer.add(steps.astype(np.uint32), tfs), packer.finish()])
    return {
        "bits": (np.minimum(tfs, SATURATED) << TF_SHIFT).astype(np.uint8) | 21,
        "words": np.frombuffer(data, np.uint64),
        "blocks": packer.blocks.astype(np.uint32),
        "widths": packer.widths,
        "long_postings": packer.long.astype(np.uint32),
        "long_counts": packer.counts,
    }


def places_of(random, count, most):
    """Where a word stands in each of some rows, and it all packed."""
    places = [
        np.sort(random.choice(8 * most, random.integers(1, most), replace=False))
        for _ in range(count)
    ]
    steps = np.concatenate([np.diff(part, prepend=0) for part in places])
    return places, packed(steps, np.array([len(part) for part in places], np.uint32))


def read_all(arrays, postings):
    """The positions of some postings, each as a list."""
    table = PositionsTable.fill(**arrays)
    room = np.empty(max(1, most_positions(table)), np.int64)
    return [room[: read_positions(table, posting, room)].tolist() for posting in postings]


@pytest.mark.parametrize("most", [3, 7, 8, 600], ids=["few", "just not long", "some long", "long"])
@pytest.mark.parametrize("count", [1, 31, 32, 33, 200])
def test_positions_of_any_posting(most, count):
    """A posting's positions are read without reading others, wherever it is in its block."""
    places, arrays = places_of(np.random.default_rng(count), count, most)
    order = np.random.default_rng(most).permutation(count).tolist()
    assert read_all(arrays, order) == [places[posting].tolist() for posting in order]


@pytest.mark.parametrize("seed", range(20))
def test_damaged_positions_stay_in_bounds(seed):
    """Whatever offsets, widths and counts say, only what is there is read."""
    random = np.random.default_rng(seed)
    _, arrays = places_of(random, 200, 300)
    arrays = {name: array.copy() for name, array in arrays.items()}
    arrays["words"] = arrays["words"][: 2 + len(arrays["words"]) // (1 + seed % 2)].copy()
    for name, most in (
        ("blocks", 2**32), ("widths", 256), ("long_postings", 2**32), ("long_counts", 2**32),
        ("bits", 256),
    ):  # fmt: skip
        hit = random.random(arrays[name].shape) < 0.3
        others = random.integers(0, most, arrays[name].shape)[hit]
        arrays[name][hit] = others.astype(arrays[name].dtype)
    limit = 64 * len(arrays["words"])
    assert all(len(found) <= limit for found in read_all(arrays, range(200)))


@pytest.mark.parametrize("size", [0, 1, 2, 1000])
def test_searching_in_rising_arrays(size):
    """Both ways of searching find the first that is not before what is wanted."""
    random = np.random.default_rng(size)
    values = np.sort(random.integers(0, 2**16, size)).astype(np.uint16)
    for wanted in [0, 2**16 - 1, *values[:50].tolist(), *random.integers(0, 2**16, 50).tolist()]:
        place = int(np.searchsorted(values, wanted))
        assert first_from(values.astype(np.uint32), wanted) == place
        for low in (0, place // 2, place):
            assert gallop(values, low, size, wanted) == place


@pytest.mark.parametrize("values", [5, 64, 300, 1_000, 70_000])
@pytest.mark.parametrize("filtered", [False, True])
def test_facet_counts(values, filtered):
    """By list, by rows of bits and by both: the documents that pass and have each value.

    What a facet's own filter alone keeps out is counted.
    """
    random = np.random.default_rng(values)
    kind = np.uint16 if values <= 1 << 16 else np.uint32
    lists = [
        np.unique((random.random(random.integers(0, 6)) ** 3 * values).astype(kind))
        for _ in range(SIZE)
    ]
    # The first and the last document have a value that hardly any other has.
    lists[0] = lists[-1] = np.array([values - 1], kind)
    offsets, picks = offsets_of(np.array(list(map(len, lists)))), np.concatenate(lists)
    offsets = offsets.astype(np.uint32)
    counter = FacetCounter(offsets, picks, values)
    failed = np.empty(0, np.uint8)
    if filtered:
        failed = np.array([0, 1, 2, 255], np.uint8)[random.integers(0, 4, SIZE)]
    for part in (0, 0.001, 0.01, 0.3, 0.8, 1, 0.01, 0.5, 1):
        for own in (0, 1, 2):
            matched = random.random(SIZE) < part
            bits = np.zeros(-(-SIZE // 64) * 64, np.uint8)
            bits[:SIZE] = matched
            words = np.packbits(bits, bitorder="little").view(np.uint64)
            counted = matched & ((failed == 0) | (failed == own) if filtered else True)
            expected = np.bincount(picks[np.repeat(counted, np.diff(offsets))], minlength=values)
            found = counter.count(words, failed, own, int(matched.sum()))
            assert np.array_equal(found, expected)
