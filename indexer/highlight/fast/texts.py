"""Compiled loops that find the texts in the stored record of a story.

An index of texts has a row for each, with the columns below. Nothing is believed of a
record: what is damaged has no index.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...analysis import POSITION_GAP
from ...kernels.jit import compiled, readonly
from ...schema import OWN_TEXTS

#: Columns: how many words the text has; the bytes from and to; where it begins in the arrays
#: of words, and in the field `related`; the first and the last of its words that match, LAST
#: being -1 if none does.
WORDS, BEGIN, END, OFFSET, PLACE, FIRST, LAST = range(7)
TEXT_COLUMNS = 7

TABLE_OF = nb.int64[:, ::1]
_U8 = readonly(nb.uint8)
_TRIPLE = nb.types.UniTuple(nb.int64, 3)

_INTEGER, _STRING, _ARRAY, _NEITHER = range(4)


@compiled(_TRIPLE(_U8, nb.int64, nb.int64))
def _head(data, at, limit):
    """A MessagePack number, or the head of a text or an array, before `limit`.

    The place after it, the number or size, and which of them it is.
    """
    if at >= limit:
        return at, 0, _NEITHER
    first = np.int64(data[at])
    at += 1
    if first < 0x80:
        return at, first, _INTEGER
    if 0x90 <= first < 0xA0:
        return at, first - 0x90, _ARRAY
    if 0xA0 <= first < 0xC0:
        return at, first - 0xA0, _STRING
    if 0xCC <= first <= 0xCE:
        kind, width = _INTEGER, 1 << (first - 0xCC)
    elif 0xD9 <= first <= 0xDB:
        kind, width = _STRING, 1 << (first - 0xD9)
    elif 0xDC <= first <= 0xDD:
        kind, width = _ARRAY, 2 << (first - 0xDC)
    else:
        return at, 0, _NEITHER
    if at + width > limit:
        return at, 0, _NEITHER
    number = np.int64(0)
    for _ in range(width):
        number = number << 8 | np.int64(data[at])
        at += 1
    return at, number, kind


@compiled(nb.int64(_U8, nb.int64, nb.int64, TABLE_OF))
def index_texts(data, begin, end, index):
    """Fill in a row for each text of a record, `schema.Texts`, data[begin:end].

    Returns how many texts there are; 0 if the data is anything else.
    index: int64[≥ (end - begin) / 2, TEXT_COLUMNS]
    """
    at, number, kind = _head(data, begin, end)
    if kind != _ARRAY or number != 2:
        return 0
    at, size, kind = _head(data, at, end)
    if kind != _ARRAY or size < OWN_TEXTS or (size - OWN_TEXTS) % 2 or size > len(index):
        return 0
    for i in range(size):
        # Nearly all numbers are a byte, and nearly all sizes one or two.
        if at < end and data[at] < 0x80:
            number, kind = np.int64(data[at]), _INTEGER
            at += 1
        else:
            at, number, kind = _head(data, at, end)
        if kind != _INTEGER:
            return 0
        index[i, WORDS] = number
    at, number, kind = _head(data, at, end)
    if kind != _ARRAY or number != size:
        return 0
    offset, place = np.int64(0), np.int64(0)
    for i in range(size):
        if at + 1 < end and data[at] == 0xD9:
            number, kind = np.int64(data[at + 1]), _STRING
            at += 2
        else:
            at, number, kind = _head(data, at, end)
        words = index[i, WORDS]
        if kind != _STRING or number > end - at or words > number:
            return 0
        index[i, BEGIN] = at
        at += number
        index[i, END] = at
        index[i, OFFSET] = offset
        offset += words + 1
        index[i, PLACE] = place
        # Texts that are empty are no part of the field.
        if i >= OWN_TEXTS and number:
            place += words + POSITION_GAP
        index[i, FIRST] = words
        index[i, LAST] = -1
    return size
