"""Compiled loops that write texts as HTML with some words marked.

They do what `highlight.html` does, on the bytes of UTF-8. What they write to has `PAD` bytes
more than they need, and texts have as many after them, see `cut`.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...kernels.bits import bytes_among, copy
from ...kernels.jit import compiled, lowest_one
from ..html import SNIPPET_LEAD, SNIPPET_LENGTH
from .cut import PAD, U8, count_characters, find_character

# What is put into texts, each with blanks up to PAD bytes, and their sizes.
_SPECIAL = "&<>'\""
_INSERTED = ("<mark>", "</mark>", "… ", " …", "&amp;", "&lt;", "&gt;", "&#39;", "&#34;")
_INSERTS = np.frombuffer("".join(_INSERTED).encode().ljust(2 * PAD), np.uint8)
_SIZES = np.array([len(text.encode()) for text in _INSERTED])
_BEGINS = np.cumsum(_SIZES) - _SIZES
_OPEN, _CLOSE, BEFORE, AFTER = range(4)
# Which of them stands for a byte.
_ESCAPES = np.zeros(256, np.uint8)
_ESCAPES[list(_SPECIAL.encode())] = range(4, len(_INSERTED))
#: The most bytes that a byte of text becomes: escaped, and marked as a word.
LONGEST = 5 + len("<mark></mark>")
ELLIPSES = len("…  …".encode())

_special = bytes_among(_SPECIAL)

OUT = nb.uint8[::1]
_I64 = nb.int64[::1]
#: int64[n, 2] and more columns, of which the first two are where stretches begin and end.
SPANS = nb.int64[:, ::1]
_PAIR = nb.types.UniTuple(nb.int64, 2)


@compiled(nb.int64(OUT, nb.int64, nb.int64))
def insert(out, at, which):
    """Write BEFORE, AFTER or another of `_INSERTED` to `at`; returns the place after it."""
    copy(_INSERTS, _BEGINS[which], out, at)
    return at + _SIZES[which]


@compiled(nb.int64(U8, nb.int64, nb.int64, OUT, nb.int64))
def _write(text, begin, end, out, at):
    """Write text[begin:end] as HTML to `at`; returns the place after it."""
    while begin < end:
        copy(text, begin, out, at)
        size = min(end - begin, PAD)
        special = _special(text, begin)
        plain = np.int64(lowest_one(special)) if special else PAD
        if plain >= size:
            at += size
            begin += size
        else:
            at = insert(out, at + plain, _ESCAPES[text[begin + plain]])
            begin += plain + 1
    return at


@compiled(nb.int64(U8, nb.int64, nb.int64, SPANS, nb.int64, OUT, nb.int64))
def write_marked(text, here, end, spans, count, out, at):
    """Write text[here:end] as HTML, the spans inside of it marked; returns the place after.

    spans: `count` rows of where each begins and ends, rising
    """
    for i in range(count):
        first, last = spans[i, 0], spans[i, 1]
        if first >= here and last <= end:
            at = _write(text, here, first, out, at)
            at = insert(out, at, _OPEN)
            at = _write(text, first, last, out, at)
            at = insert(out, at, _CLOSE)
            here = last
    return _write(text, here, end, out, at)


@compiled(nb.int64(_I64, nb.int64, nb.int64, nb.int64, nb.int64))
def _last_until(words, count, column, most, otherwise):
    """The last beginning (column 0) or end (1) of `count` words that is not after `most`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if words[2 * middle + column] <= most:
            low = middle + 1
        else:
            high = middle
    return words[2 * low - 2 + column] if low else otherwise


@compiled(nb.int64(U8, nb.int64, SPANS, nb.int64))
def _densest(text, begin, spans, merged):
    """From which character of the text that begins at `begin` a snippet has the most spans.

    The first such; spans: int64[merged, 4], of which the last two columns are filled in
    """
    at, characters = begin, np.int64(0)
    for i in range(merged):
        for column in range(2):
            characters += count_characters(text, at, spans[i, column])
            at = spans[i, column]
            spans[i, 2 + column] = characters
    best, most, stop = np.int64(0), 0, 0
    for i in range(merged):
        while stop < merged and spans[stop, 3] <= spans[i, 2] + SNIPPET_LENGTH:
            stop += 1
        if stop - i > most:
            best, most = spans[i, 2], stop - i
    return best


@compiled(_PAIR(U8, nb.int64, nb.int64, _I64, nb.int64, SPANS, nb.int64))
def find_snippet(text, begin, end, words, count, spans, merged):
    """The stretch of text[begin:end] that `html.snippet` shows: where it begins and ends.

    words: what `cut.cut` has found, `count` of them
    spans: int64[merged, 4], where stretches to mark begin and end, rising; the last two
        columns are filled in
    """
    characters = count_characters(text, begin, end)
    if characters <= SNIPPET_LENGTH:
        return begin, end
    best = _densest(text, begin, spans, merged)
    most = find_character(text, begin, end, max(0, best - SNIPPET_LEAD))
    first = _last_until(words, count, 0, most, begin)
    low = count_characters(text, begin, first)
    if low < SNIPPET_LEAD:
        first, low = begin, np.int64(0)
    most = find_character(text, begin, end, low + SNIPPET_LENGTH)
    last = _last_until(words, count, 1, most, first)
    if last <= first:
        last = most
    if count == 0 or last == words[2 * count - 1]:
        last = end
    return first, last
