"""Declared tables: arrays that compiled loops find by name."""

from __future__ import annotations

import gc

import numba as nb
import numpy as np
import pytest

from indexer.kernels.jit import compiled, readonly
from indexer.kernels.tables import Table


class Lists(Table, docs=readonly(nb.uint16), sums=nb.float32[::1], lengths=readonly(nb.uint8, 2)):
    """A table with a mapped array, one to write into, and one of two dimensions."""


@compiled(nb.void(Lists.type, nb.int64))
def add(lists, place):
    lists.sums[lists.docs[place]] += lists.lengths[1, place]


def arrays(**others):
    given = {
        "docs": np.array([2, 0, 1], np.uint16),
        "sums": np.zeros(3, np.float32),
        "lengths": np.array([[1, 2, 3], [4, 5, 6]], np.uint8),
    }
    return given | others


def test_loops_find_arrays_by_name():
    """Whatever order they are given in; what is written is written into the array."""
    given = arrays()
    given["docs"].flags.writeable = False
    lists = Lists.fill(**dict(reversed(given.items())))
    for place in range(3):
        add(lists, place)
    assert given["sums"].tolist() == [5, 6, 4]


def test_a_table_keeps_its_arrays():
    """They live as long as the table does, whoever else forgets them."""
    sums = np.zeros(3, np.float32)
    lists = Lists.fill(**arrays(docs=np.full(1000, 1, np.uint16), sums=sums))
    gc.collect()
    np.zeros(1000, np.uint16)
    add(lists, 2)
    assert sums.tolist() == [0, 6, 0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"docs": np.zeros(3, np.uint32)}, "Lists.docs: uint16 in 1 .* not uint32 in 1"),
        ({"lengths": np.zeros(3, np.uint8)}, "Lists.lengths: uint8 in 2 .* not uint8 in 1"),
        ({"docs": np.zeros(6, np.uint16)[::2]}, "Lists.docs: an array in one piece"),
        ({"sums": np.frombuffer(bytes(12), np.float32)}, "Lists.sums: .* may be written"),
        ({"other": np.zeros(1)}, "Lists: missing or unknown: other"),
    ],
)
def test_arrays_that_are_not_as_declared_are_refused(wrong, message):
    """Each with the name of the array and what was expected."""
    with pytest.raises(TypeError, match=message):
        Lists.fill(**arrays(**wrong))


def test_a_missing_array_is_refused():
    """A table is filled as a whole."""
    with pytest.raises(TypeError, match="missing or unknown: lengths, sums"):
        Lists.fill(docs=np.zeros(1, np.uint16))
