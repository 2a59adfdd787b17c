"""Compiled loops over the bytes of a text: its words and its characters.

Texts lie in larger arrays, of which the loops read up to `PAD` bytes more than the text.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import re

import numba as nb
import numpy as np

from ...analysis import CJK, MARKS, PART_SEPARATOR
from ...kernels.bits import alphanumeric, bytes_among, continuing
from ...kernels.jit import compiled, count_ones, lowest_one, readonly

#: So many bytes are looked at together: what must follow every text in its array.
PAD = 64

_OTHER, _LETTER, _SINGLE, _MARK, _APOSTROPHE = range(5)
_TABLE = 0x20000
# Beyond the table: Chinese characters up to this one, and no letters.
_LAST_CJK = 0x323AF
# Bytes that are neither an ASCII letter or digit nor merely between words.
_odd = bytes_among(f"'{PART_SEPARATOR}", beyond=0x80)


def _classes():
    """uint8[_TABLE]: what each character is to `analysis.WORD_PATTERN`."""
    classes = np.zeros(_TABLE, np.uint8)
    # Blanks in place of surrogates, which no text has.
    text = "".join(chr(code) if not 0xD800 <= code < 0xE000 else " " for code in range(_TABLE))
    for pattern, kind in (
        (rf"[^\W_{CJK}]+", _LETTER),
        (rf"[{CJK}{PART_SEPARATOR}]+", _SINGLE),
        (rf"[{MARKS}]+", _MARK),
        ("['’]", _APOSTROPHE),
    ):
        for found in re.finditer(pattern, text):
            classes[found.start() : found.end()] = kind
    return classes


CLASSES = _classes()

U8 = readonly(nb.uint8)
_PAIR = nb.types.UniTuple(nb.int64, 2)


@compiled(nb.uint64(nb.int64))
def _low_bits(count):
    """The lowest 1 … 64 bits."""
    return ~np.uint64(0) >> np.uint64(PAD - count)


@compiled(_PAIR(U8, U8, nb.int64, nb.int64))
def _character(classes, text, at, end):
    """The class of the character at `at` < end, and its bytes in UTF-8."""
    first = np.int64(text[at])
    if first < 0x80:
        return np.int64(classes[first]), 1
    size = 4 if first >= 0xF0 else 3 if first >= 0xE0 else 2 if first >= 0xC0 else 1
    if size == 1 or at + size > end:
        return _OTHER, 1
    code = first & (0x7F >> size)
    for i in range(1, size):
        code = code << 6 | np.int64(text[at + i]) & 0x3F
    if code < len(classes):
        return np.int64(classes[code]), size
    return (_SINGLE if code <= _LAST_CJK else _OTHER), size


@compiled(nb.int64(U8, U8, nb.int64, nb.int64, nb.int64, nb.int64[::1]))
def cut(classes, text, begin, end, limit, bounds):
    """Find the words of text[begin:end] as `analysis.WORD_PATTERN` does, at most `limit`.

    text: uint8[≥ end + PAD]; classes: `CLASSES`
    bounds: int64[≥ 2 · limit + PAD + 2], filled in with where each starts and ends; returns
        how many words there are
    """
    count = 0
    inside = np.int64(0)
    at = begin
    while at < end and count < 2 * limit:
        # As far as nothing is odd, words are runs of bits.
        odd = _odd(text, at)
        plain = np.int64(lowest_one(odd)) if odd else PAD
        plain = min(plain, end - at)
        if plain:
            letters = alphanumeric(text, at) & _low_bits(plain)
            edges = (letters ^ (letters << np.uint64(1) | np.uint64(inside))) & _low_bits(plain)
            while edges:
                bounds[count] = at + np.int64(lowest_one(edges))
                count += 1
                edges &= edges - np.uint64(1)
            inside = np.int64(letters >> np.uint64(plain - 1))
            at += plain
            continue
        character, size = _character(classes, text, at, end)
        goes_on = character == _LETTER or (inside and character == _MARK)
        if character == _APOSTROPHE and inside and at + size < end:
            # It joins what stands on both sides of it.
            goes_on = _character(classes, text, at + size, end)[0] == _LETTER
        bounds[count] = at
        count += np.int64(goes_on) ^ inside
        inside = np.int64(goes_on)
        if character == _SINGLE:
            bounds[count] = at
            bounds[count + 1] = at + size
            count += 2
        at += size
    if inside:
        bounds[count] = at
        count += 1
    return min(count // 2, limit)


@compiled(nb.int64(U8, nb.int64, nb.int64))
def count_characters(text, begin, end):
    """How many characters text[begin:end] has; text: uint8[≥ end + PAD]."""
    count = np.int64(0)
    for at in range(begin, end, PAD):
        size = min(end - at, PAD)
        count += size - np.int64(count_ones(continuing(text, at) & _low_bits(size)))
    return count


@compiled(nb.int64(U8, nb.int64, nb.int64, nb.int64))
def find_character(text, begin, end, number):
    """Where character `number` of text[begin:end] begins, counted from 0; `end` if it has none.

    text: uint8[≥ end + PAD]
    """
    at = begin
    while at < end:
        starts = ~continuing(text, at) & _low_bits(min(end - at, PAD))
        here = np.int64(count_ones(starts))
        if number < here:
            for _ in range(number):
                starts &= starts - np.uint64(1)
            return at + np.int64(lowest_one(starts))
        number -= here
        at += PAD
    return end
