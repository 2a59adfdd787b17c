"""Scalars of plain YAML → MessagePack.

Parts of the compiled loop of `transcode`. Each `put_` function writes what text[at:end]
stands for to `out` from `to` on and returns where it ends: `to` itself if nothing is left
of it, `ODD` where `values` has to be asked, which the value may be right for all the same.
Formats are those of the MessagePack specification: str 32, int 64, float 64, array 32,
map 32, and extension -1, timestamp 96. Importing this module imports the compiler.
"""

# Argument types stand in the decorator of the loop.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numpy as np

from ..kernels.jit import inner
from .scalars import (
    APOSTROPHE,
    BACKSLASH,
    BIG_T,
    BIG_Z,
    COLON,
    DASH,
    DOT,
    HASH,
    ODD,
    PLUS,
    QUESTION,
    QUOTE,
    SLASH,
    SMALL_T,
    SMALL_Z,
    SPACE,
    UNDERSCORE,
    ZERO,
    byte,
    is_digit,
    is_empty,
    is_letter,
    space,
)
from .values import MAX_LINK, MAX_PIXELS


class Kind:
    """What the value of a field is; numbers of the table of fields."""

    LINE = 0
    TEXT = 1
    LINK = 2
    NUMBER = 3
    PIXELS = 4
    FLAG = 5
    INSTANT = 6
    DOMAIN = 7
    RECORD = 8
    RECORDS = 9
    LINES = 10


_LINE, _TEXT, _LINK, _NUMBER, _PIXELS, _FLAG, _INSTANT, _DOMAIN = range(8)
#: Digits of a number that is exact as an integer, and as a float.
_DIGITS = 15
#: What a day is not.
_NO_DAY = ODD << 40


@inner
def put_big_endian(out, at, number, size):
    """The lowest `size` bytes of a number, the highest first."""
    for i in range(size):
        out[at + i] = (number >> (8 * (size - 1 - i))) & 0xFF
    return at + size


@inner
def put_text(text, at, end, out, to, one_line):
    """Text without blanks around it, and on one line single ones; nothing if none is left."""
    mark = byte(text, at)
    quoted = mark in (QUOTE, APOSTROPHE)
    if quoted:
        at, end = at + 1, end - 1
    escape = BACKSLASH if mark == QUOTE else APOSTROPHE
    begin = to + 5
    last = begin  # after the last character that is no blank
    to = begin
    while at < end:
        c = byte(text, at)
        size = 0 if SPACE < c < 0xC2 else space(text, at)
        if size == 0:
            if one_line and to > last:
                out[last] = SPACE
                to = last + 1
            if c == escape and quoted:
                at += 1
                c = byte(text, at)
            out[np.uint64(to)] = c
            to += 1
            last = to
            at += 1
        else:
            if to > begin:
                for i in range(size):
                    out[to + i] = byte(text, at + i)
                to += size
            at += size
    if last == begin:
        return begin - 5
    out[begin - 5] = 0xDB
    put_big_endian(out, begin - 4, last - begin, 4)
    return last


@inner
def put_bytes(text, at, end, out, to):
    """A string of these very bytes."""
    out[to] = 0xDB
    to = put_big_endian(out, to + 1, end - at, 4)
    for i in range(end - at):
        out[np.uint64(to + i)] = byte(text, at + i)
    return to + end - at


@inner
def put_link(text, at, end, out, to):
    """An address in ASCII, with neither user nor port."""
    if byte(text, at) in (QUOTE, APOSTROPHE):
        at, end = at + 1, end - 1
    if end - at > MAX_LINK:
        return ODD
    for i in range(at, end):
        c = byte(text, i)
        if c in (SPACE, BACKSLASH, APOSTROPHE, QUOTE) or c >= 0x80:
            return ODD
    # h, t, t, p and perhaps s
    i = at
    if end - i < 8 or byte(text, i) != 104 or byte(text, i + 1) != 116 or byte(text, i + 2) != 116:
        return ODD
    i += 4 + (byte(text, i + 4) == 115)
    if (
        byte(text, at + 3) != 112
        or byte(text, i) != COLON
        or byte(text, i + 1) != SLASH
        or byte(text, i + 2) != SLASH
    ):
        return ODD
    i += 3
    host = i
    while i < end and (
        is_letter(byte(text, i))
        or is_digit(byte(text, i))
        or byte(text, i) in (DOT, DASH, UNDERSCORE)
    ):
        i += 1
    if i == host or (i < end and byte(text, i) not in (SLASH, QUESTION, HASH)):
        return ODD
    return put_bytes(text, at, end, out, to)


@inner
def put_domain(text, at, end, out, to):
    """A host in small letters of ASCII: two labels or more, and no `www.` before them."""
    if byte(text, at) in (QUOTE, APOSTROPHE):
        at, end = at + 1, end - 1
    if not 0 < end - at <= 253:
        return ODD
    label, labels = at, 0
    for i in range(at, end + 1):
        if i == end or byte(text, i) == DOT:
            if not 0 < i - label <= 63 or byte(text, label) == DASH or byte(text, i - 1) == DASH:
                return ODD
            if labels == 0 and i - label == 3 and byte(text, label) == 119:
                return ODD
            labels += 1
            label = i + 1
        elif not (97 <= byte(text, i) <= 122 or is_digit(byte(text, i)) or byte(text, i) == DASH):
            return ODD
    if labels < 2:
        return ODD
    return put_bytes(text, at, end, out, to)


@inner
def put_number(text, at, end, out, to, pixels):
    """A decimal number of few digits: exact as the quotient of two exact numbers."""
    negative = byte(text, at) == DASH
    i = at + negative
    whole = i
    number = 0
    while i < end and is_digit(byte(text, i)):
        number = number * 10 + (byte(text, i) - ZERO)
        i += 1
        if i - whole > _DIGITS:
            return ODD
    if i == whole or (byte(text, whole) == ZERO and i > whole + 1):
        return ODD
    if i == end:
        if pixels and (negative or not 1 <= number <= MAX_PIXELS):
            return ODD
        out[to] = 0xD3
        return put_big_endian(out, to + 1, -number if negative else number, 8)
    if byte(text, i) != DOT or pixels or i + 1 == end:
        return ODD
    scale = 1
    i += 1
    while i < end and is_digit(byte(text, i)):
        number = number * 10 + (byte(text, i) - ZERO)
        scale *= 10
        i += 1
        if i - whole > _DIGITS + 1:
            return ODD
    if i < end:
        return ODD
    value = np.empty(1, np.float64)
    value[0] = np.float64(number) / np.float64(scale)
    if negative:
        value[0] = -value[0]
    out[to] = 0xCB
    return put_big_endian(out, to + 1, value.view(np.int64)[0], 8)


@inner
def put_flag(text, at, end, out, to):
    """The words `true` and `false`."""
    word = np.int64(0)
    for i in range(at, min(end, at + 6)):
        word = word << 8 | byte(text, i)
    if word == 0x74727565:
        out[to] = 0xC3
    elif word == 0x66616C7365:
        out[to] = 0xC2
    else:
        return ODD
    return to + 1


@inner
def _digits(text, at, end, count):
    """The number that so many digits make, `ODD` if there are fewer."""
    if at + count > end:
        return ODD
    number = 0
    for i in range(at, at + count):
        if not is_digit(byte(text, i)):
            return ODD
        number = number * 10 + (byte(text, i) - ZERO)
    return number


@inner
def _day_number(year, month, day):
    """Days since 1970-01-01 in the Gregorian calendar; `_NO_DAY` if there is no such day.

    Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days_from_civil.
    """
    if year < 1 or not 1 <= month <= 12 or day < 1:
        return _NO_DAY
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 28 + leap if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if day > longest:
        return _NO_DAY
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@inner
def put_instant(text, at, end, out, to):
    """A date, or a date and a time; without an offset it is UTC."""
    if byte(text, at) in (QUOTE, APOSTROPHE):
        at, end = at + 1, end - 1
    year, month, day = (
        _digits(text, at, end, 4), _digits(text, at + 5, end, 2), _digits(text, at + 8, end, 2)
    )  # fmt: skip
    if day < 0 or byte(text, at + 4) != DASH or byte(text, at + 7) != DASH:
        return ODD
    seconds = _day_number(year, month, day)
    if seconds == _NO_DAY:
        return ODD
    seconds *= 86400
    nanoseconds = 0
    i = at + 10
    if i < end:
        hour, minute = _digits(text, i + 1, end, 2), _digits(text, i + 4, end, 2)
        if byte(text, i) not in (BIG_T, SMALL_T, SPACE) or not 0 <= hour <= 23:
            return ODD
        if byte(text, i + 3) != COLON or not 0 <= minute <= 59:
            return ODD
        seconds += hour * 3600 + minute * 60
        i += 6
        if i < end and byte(text, i) == COLON:
            second = _digits(text, i + 1, end, 2)
            if not 0 <= second <= 59:
                return ODD
            seconds += second
            i += 3
            if i < end and byte(text, i) == DOT:
                i += 1
                first, unit = i, 100_000_000
                while i < end and is_digit(byte(text, i)):
                    if i - first < 6:  # microseconds are kept
                        nanoseconds += (byte(text, i) - ZERO) * unit
                        unit //= 10
                    i += 1
                if i == first:
                    return ODD
        if i < end and byte(text, i) in (BIG_Z, SMALL_Z):
            i += 1
        elif i < end:
            hours, minutes = _digits(text, i + 1, end, 2), _digits(text, i + 4, end, 2)
            if byte(text, i) not in (PLUS, DASH) or not 0 <= hours <= 23:
                return ODD
            if not 0 <= minutes <= 59 or byte(text, i + 3) != COLON:
                return ODD
            offset = hours * 3600 + minutes * 60
            seconds -= offset if byte(text, i) == PLUS else -offset
            i += 6
        if i != end:
            return ODD
    # Extension -1 of MessagePack: nanoseconds, seconds since 1970.
    out[to], out[to + 1], out[to + 2] = 0xC7, 12, 0xFF
    to = put_big_endian(out, to + 3, nanoseconds, 4)
    return put_big_endian(out, to, seconds, 8)


@inner
def put_scalar(text, at, end, out, to, kind):
    """The value of a field; `to` itself if nothing is left of it."""
    if is_empty(text, at, end):
        return to
    if kind == _LINE:
        return put_text(text, at, end, out, to, True)
    if kind == _TEXT:
        return put_text(text, at, end, out, to, False)
    if kind == _LINK:
        return put_link(text, at, end, out, to)
    if kind == _NUMBER:
        return put_number(text, at, end, out, to, False)
    if kind == _PIXELS:
        return put_number(text, at, end, out, to, True)
    if kind == _FLAG:
        return put_flag(text, at, end, out, to)
    if kind == _INSTANT:
        return put_instant(text, at, end, out, to)
    if kind == _DOMAIN:
        return put_domain(text, at, end, out, to)
    return ODD


@inner
def put_head(out, to, mark, count):
    """The head of what has `count` parts: a byte that says what it is, and 32 bits."""
    out[to] = mark
    return put_big_endian(out, to + 1, count, 4)
