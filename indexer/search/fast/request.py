"""Queries of words as one array of bytes, written by Python and read by compiled loops.

Making an array costs Python as much as scoring a thousand postings, so there is one.
"""

# Argument types of compiled functions stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

from collections.abc import Sequence
from struct import pack

import numba as nb
import numpy as np
import numpy.typing as npt

from ...kernels.jit import compiled, readonly
from ...schema import EVERYWHERE

#: Numbers that a request begins with: leaves, groups, whether every group must match. The
#: field of each leaf, the end of its text and the bounds of the groups follow, then the
#: boosts of the leaves (float64), then their texts.
LEAVES, GROUPS, EVERY = range(3)
_HEAD = 3

_U8 = readonly(nb.uint8)
_I64 = nb.int64[::1]
_F64 = nb.float64[::1]


def encode(
    texts: Sequence[bytes],
    fields: Sequence[int],
    boosts: Sequence[float],
    bounds: Sequence[int],
    *,
    every: bool,
) -> npt.NDArray[np.uint8]:
    """A query as uint8[…]: leaf i is texts[i] in fields[i], group g has leaves from bounds[g]."""
    ends = []
    end = 0
    for text in texts:
        end += len(text)
        ends.append(end)
    leaves, groups = len(texts), len(bounds) - 1
    head = (leaves, groups, every)
    data = pack(
        f"{_HEAD + 2 * leaves + groups + 1}q{leaves}d{end}s",
        *head, *fields, *ends, *bounds, *boosts, b"".join(texts),
    )  # fmt: skip
    return np.frombuffer(data, np.uint8)


@compiled(readonly(nb.int64)(_U8))
def numbers_of(request):
    """The numbers of a request."""
    head = request[: 8 * _HEAD].view(np.int64)
    return request[: 8 * (_HEAD + 2 * head[LEAVES] + head[GROUPS] + 1)].view(np.int64)


def count_lists(request: npt.NDArray[np.uint8], searched: int) -> int:
    """How many lists a request has if text is searched in so many fields."""
    fields = numbers_of(request)[_HEAD:][: numbers_of(request)[LEAVES]]
    return int(np.where(fields == EVERYWHERE, searched, 1).sum())


@compiled(nb.types.Tuple((_U8, _I64, _I64, _I64, _F64, _I64))(_U8, _I64, _F64))
def lists_of(request, searched, searched_boosts):
    """The lists of a request: every leaf in every field it is sought in.

    searched, searched_boosts: int64[S], float64[S], the fields of leaves `EVERYWHERE`
    Returns text uint8, and int64[leaves] where the text of each leaf ends; for each list
    its leaf, its field, its boost; and int64[G + 1], the bounds of the groups in lists.
    """
    numbers = numbers_of(request)
    leaves, groups = numbers[LEAVES], numbers[GROUPS]
    leaf_fields = numbers[_HEAD : _HEAD + leaves]
    ends = numbers[_HEAD + leaves : _HEAD + 2 * leaves].copy()
    leaf_bounds = numbers[_HEAD + 2 * leaves :]
    begin = 8 * len(numbers)
    leaf_boosts = request[begin : begin + 8 * leaves].view(np.float64)
    text = request[begin + 8 * leaves :]
    count = 0
    for leaf in range(leaves):
        count += len(searched) if leaf_fields[leaf] == EVERYWHERE else 1
    word_of, fields = np.empty(count, np.int64), np.empty(count, np.int64)
    boosts = np.empty(count, np.float64)
    bounds = np.empty(groups + 1, np.int64)
    at = group = 0
    for leaf in range(leaves + 1):
        while group <= groups and leaf_bounds[group] == leaf:
            bounds[group] = at
            group += 1
        if leaf < leaves:
            everywhere = leaf_fields[leaf] == EVERYWHERE
            for i in range(len(searched) if everywhere else 1):
                word_of[at] = leaf
                fields[at] = searched[i] if everywhere else leaf_fields[leaf]
                boosts[at] = leaf_boosts[leaf] * (searched_boosts[i] if everywhere else 1.0)
                at += 1
    return text, ends, word_of, fields, boosts, bounds
