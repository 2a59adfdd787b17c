"""Plain YAML → MessagePack, in one compiled pass over the bytes; layer 2, arrays only.

Takes the form that most story files have: one key or list item a line, its value on the
same line, quoted, or plain and short of everything that YAML gives a meaning to; values
that need no more than spaces taken away, escapes undone or digits turned into a number.
At the first byte of anything else it stops and says so. What it takes, it takes exactly as
`events` and `values` do; MessagePack is what the records of the model are decoded from
without a step of Python a value.

Importing this module imports the compiler.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ..jit import compiled, inner, readonly

__all__ = ["ODD", "Kind", "transcode"]

_TEXT = readonly(nb.uint8)
_OUT = nb.uint8[::1]
_INT = nb.int64
_AT = nb.int64(_TEXT, _INT, _INT, _OUT, _INT)


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


_LINE, _WHOLE, _LINK, _NUMBER, _PIXELS = range(5)
_FLAG, _INSTANT, _DOMAIN, _RECORD, _RECORDS, _LINES = range(5, 11)

#: What is returned for what is not of the form.
ODD = -1
#: The most levels of mappings and lists, and of keys unknown in one mapping, that are followed.
_DEPTH = 8
_UNKNOWN = 32
_LONGEST_KEY = 100
#: What a line can take of the output beside its own bytes: headers, a name, a number.
_ROOM = 128
_MAX_LINK = 4096
_MAX_PIXELS = (1 << 31) - 1
_DIGITS = 15

_LF, _SPACE, _QUOTE, _HASH, _APOSTROPHE = 10, 32, 34, 35, 39
_DASH, _DOT, _SLASH, _ZERO, _NINE, _COLON = 45, 46, 47, 48, 57, 58
_QUESTION, _BACKSLASH, _UNDERSCORE, _DELETE = 63, 92, 95, 127
_PLUS, _BIG_T, _SMALL_T, _BIG_Z, _SMALL_Z = 43, 84, 116, 90, 122

# Stacked for each open mapping or list.
_LISTED, _COLUMN, _OF, _HEAD, _COUNT, _SEEN, _UNSEEN = range(7)
# What a line has before its value: blanks, dash and blanks after it, key.
_INDENT, _DASHED, _KEY_BEGIN, _KEY_END = range(4)
# The table of fields.
_KEY, _KEY_SIZE, _NAME, _NAME_SIZE, _KIND, _CHILD = range(6)
_NOTHING, _UNKNOWN_KEY = -1, -2


@inner
def _byte(text, at):
    return text[np.uint64(at)]  # an unsigned index is not looked at for being negative


@inner
def _is_digit(c):
    return _ZERO <= c <= _NINE


@inner
def _is_letter(c):
    return 97 <= c | 32 <= 122


@inner
def _line_end(text, at):
    """Twice where the line feed is, and 1 if not all before it is ASCII.

    `ODD` if there is something in between that YAML refuses or breaks lines at.
    """
    foreign = 0
    while True:
        c = _byte(text, at)
        if c < _SPACE or c == _DELETE:
            return at << 1 | foreign if c == _LF else ODD
        if c >= 0xC2:
            foreign = 1
            d = _byte(text, at + 1)
            if c == 0xC2 and d < 0xA0:  # C1 controls, next line among them
                return ODD
            if c == 0xE2 and d == 0x80 and 0xA8 <= _byte(text, at + 2) <= 0xA9:  # U+2028, U+2029
                return ODD
            if c == 0xEF and d == 0xBB and _byte(text, at + 2) == 0xBF:  # U+FEFF
                return ODD
            if c == 0xEF and d == 0xBF and _byte(text, at + 2) >= 0xBE:  # U+FFFE, U+FFFF
                return ODD
        at += 1


@inner
def _is_scalar(text, at, end):
    """Whether this is one scalar, with no more than simple escapes in it."""
    mark = _byte(text, at)
    if mark in (_QUOTE, _APOSTROPHE):
        if end - at < 2 or _byte(text, end - 1) != mark:
            return False
        at += 1
        while at < end - 1:
            c = _byte(text, at)
            if c == _BACKSLASH and mark == _QUOTE:
                at += 1
                if at == end - 1 or _byte(text, at) not in (_QUOTE, _BACKSLASH):
                    return False
            elif c == mark:
                at += 1
                if mark == _QUOTE or at == end - 1 or _byte(text, at) != mark:
                    return False
            at += 1
        return True
    signed = mark == _DASH and at + 1 < end and _is_digit(_byte(text, at + 1))
    if not (signed or _is_letter(mark) or _is_digit(mark) or mark >= 0x80):
        return False
    while at < end:
        c = _byte(text, at)
        if c == _COLON and (at + 1 == end or _byte(text, at + 1) == _SPACE):
            return False
        if c == _SPACE and (at + 1 == end or _byte(text, at + 1) == _HASH):
            return False
        at += 1
    return True


@inner
def _space(text, at):
    """How many bytes a blank takes that begins here, 0 if none does."""
    c = _byte(text, at)
    if c == _SPACE:
        return 1
    if c < 0xC2:
        return 0
    d = _byte(text, at + 1)
    if c == 0xC2 and d == 0xA0:
        return 2
    if c not in (0xE1, 0xE2, 0xE3):
        return 0
    e = _byte(text, at + 2)
    if c == 0xE2:
        wide = (d == 0x80 and (0x80 <= e <= 0x8A or e == 0xAF)) or (d == 0x81 and e == 0x9F)
    else:
        wide = e == 0x80 and d == (0x9A if c == 0xE1 else 0x80)
    return 3 if wide else 0


@inner
def _is_empty(text, at, end):
    """Whether a scalar stands for nothing: blank, or null."""
    mark = _byte(text, at)
    if mark in (_QUOTE, _APOSTROPHE):
        at, end = at + 1, end - 1
        while at < end and _byte(text, at) == _SPACE:
            at += 1
        return at == end
    if end - at != 4 or mark | 32 != 110:
        return False
    rest = _byte(text, at + 1) << 16 | _byte(text, at + 2) << 8 | _byte(text, at + 3)
    return rest == 0x756C6C or (mark == 78 and rest == 0x554C4C)


@inner
def _put_big_endian(out, at, number, size):
    for byte in range(size):
        out[at + byte] = (number >> (8 * (size - 1 - byte))) & 0xFF
    return at + size


@inner
def _put_text(text, at, end, out, to, one_line):
    """Text without blanks around it, and on one line single ones; nothing if none is left."""
    mark = _byte(text, at)
    quoted = mark in (_QUOTE, _APOSTROPHE)
    if quoted:
        at, end = at + 1, end - 1
    escape = _BACKSLASH if mark == _QUOTE else _APOSTROPHE
    begin = to + 5
    last = begin  # after the last character that is no blank
    to = begin
    while at < end:
        c = _byte(text, at)
        size = 0 if _SPACE < c < 0xC2 else _space(text, at)
        if size == 0:
            if one_line and to > last:
                out[last] = _SPACE
                to = last + 1
            if c == escape and quoted:
                at += 1
                c = _byte(text, at)
            out[np.uint64(to)] = c
            to += 1
            last = to
            at += 1
        else:
            if to > begin:
                for byte in range(size):
                    out[to + byte] = _byte(text, at + byte)
                to += size
            at += size
    if last == begin:
        return begin - 5
    out[begin - 5] = 0xDB
    _put_big_endian(out, begin - 4, last - begin, 4)
    return last


@inner
def _put_bytes(text, at, end, out, to):
    """A string of these very bytes."""
    out[to] = 0xDB
    to = _put_big_endian(out, to + 1, end - at, 4)
    for byte in range(end - at):
        out[np.uint64(to + byte)] = _byte(text, at + byte)
    return to + end - at


@inner
def _put_link(text, at, end, out, to):
    """An address in ASCII, with neither user nor port."""
    if _byte(text, at) in (_QUOTE, _APOSTROPHE):
        at, end = at + 1, end - 1
    if end - at > _MAX_LINK:
        return ODD
    for byte in range(at, end):
        if (
            _byte(text, byte) in (_SPACE, _BACKSLASH, _APOSTROPHE, _QUOTE)
            or _byte(text, byte) >= 0x80
        ):
            return ODD
    # h, t, t, p and perhaps s
    i = at
    if (
        end - i < 8
        or _byte(text, i) != 104
        or _byte(text, i + 1) != 116
        or _byte(text, i + 2) != 116
    ):
        return ODD
    i += 4 + (_byte(text, i + 4) == 115)
    if (
        _byte(text, at + 3) != 112
        or _byte(text, i) != _COLON
        or _byte(text, i + 1) != _SLASH
        or _byte(text, i + 2) != _SLASH
    ):
        return ODD
    i += 3
    host = i
    while i < end and (
        _is_letter(_byte(text, i))
        or _is_digit(_byte(text, i))
        or _byte(text, i) in (_DOT, _DASH, _UNDERSCORE)
    ):
        i += 1
    if i == host or (i < end and _byte(text, i) not in (_SLASH, _QUESTION, _HASH)):
        return ODD
    return _put_bytes(text, at, end, out, to)


@inner
def _put_domain(text, at, end, out, to):
    """A host in small letters of ASCII: two labels or more, and no `www.` before them."""
    if _byte(text, at) in (_QUOTE, _APOSTROPHE):
        at, end = at + 1, end - 1
    if not 0 < end - at <= 253:
        return ODD
    label, labels = at, 0
    for i in range(at, end + 1):
        if i == end or _byte(text, i) == _DOT:
            if (
                not 0 < i - label <= 63
                or _byte(text, label) == _DASH
                or _byte(text, i - 1) == _DASH
            ):
                return ODD
            if labels == 0 and i - label == 3 and _byte(text, label) == 119:
                return ODD
            labels += 1
            label = i + 1
        elif not (
            97 <= _byte(text, i) <= 122 or _is_digit(_byte(text, i)) or _byte(text, i) == _DASH
        ):
            return ODD
    if labels < 2:
        return ODD
    return _put_bytes(text, at, end, out, to)


@inner
def _put_number(text, at, end, out, to, pixels):
    """A decimal number of few digits: exact as the quotient of two exact numbers."""
    negative = _byte(text, at) == _DASH
    i = at + negative
    whole = i
    number = 0
    while i < end and _is_digit(_byte(text, i)):
        number = number * 10 + (_byte(text, i) - _ZERO)
        i += 1
        if i - whole > _DIGITS:
            return ODD
    if i == whole or (_byte(text, whole) == _ZERO and i > whole + 1):
        return ODD
    if i == end:
        if pixels and (negative or not 1 <= number <= _MAX_PIXELS):
            return ODD
        out[to] = 0xD3
        return _put_big_endian(out, to + 1, -number if negative else number, 8)
    if _byte(text, i) != _DOT or pixels or i + 1 == end:
        return ODD
    scale = 1
    i += 1
    while i < end and _is_digit(_byte(text, i)):
        number = number * 10 + (_byte(text, i) - _ZERO)
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
    return _put_big_endian(out, to + 1, value.view(np.int64)[0], 8)


@inner
def _put_flag(text, at, end, out, to):
    """The words `true` and `false`."""
    word = np.int64(0)
    for i in range(at, min(end, at + 6)):
        word = word << 8 | _byte(text, i)
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
        if not _is_digit(_byte(text, i)):
            return ODD
        number = number * 10 + (_byte(text, i) - _ZERO)
    return number


@inner
def _day_number(year, month, day):
    """Days since 1970-01-01 in the Gregorian calendar; `ODD << 40` if there is no such day.

    Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days_from_civil.
    """
    if year < 1 or not 1 <= month <= 12 or day < 1:
        return ODD << 40
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 28 + leap if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if day > longest:
        return ODD << 40
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@inner
def _put_instant(text, at, end, out, to):
    """A date, or a date and a time; without an offset it is UTC."""
    if _byte(text, at) in (_QUOTE, _APOSTROPHE):
        at, end = at + 1, end - 1
    year, month, day = (
        _digits(text, at, end, 4), _digits(text, at + 5, end, 2), _digits(text, at + 8, end, 2)
    )  # fmt: skip
    if day < 0 or _byte(text, at + 4) != _DASH or _byte(text, at + 7) != _DASH:
        return ODD
    seconds = _day_number(year, month, day)
    if seconds == ODD << 40:
        return ODD
    seconds *= 86400
    nanoseconds = 0
    i = at + 10
    if i < end:
        hour, minute = _digits(text, i + 1, end, 2), _digits(text, i + 4, end, 2)
        if _byte(text, i) not in (_BIG_T, _SMALL_T, _SPACE) or not 0 <= hour <= 23:
            return ODD
        if _byte(text, i + 3) != _COLON or not 0 <= minute <= 59:
            return ODD
        seconds += hour * 3600 + minute * 60
        i += 6
        if i < end and _byte(text, i) == _COLON:
            second = _digits(text, i + 1, end, 2)
            if not 0 <= second <= 59:
                return ODD
            seconds += second
            i += 3
            if i < end and _byte(text, i) == _DOT:
                i += 1
                first, unit = i, 100_000_000
                while i < end and _is_digit(_byte(text, i)):
                    if i - first < 6:  # microseconds are kept
                        nanoseconds += (_byte(text, i) - _ZERO) * unit
                        unit //= 10
                    i += 1
                if i == first:
                    return ODD
        if i < end and _byte(text, i) in (_BIG_Z, _SMALL_Z):
            i += 1
        elif i < end:
            hours, minutes = _digits(text, i + 1, end, 2), _digits(text, i + 4, end, 2)
            if _byte(text, i) not in (_PLUS, _DASH) or not 0 <= hours <= 23:
                return ODD
            if not 0 <= minutes <= 59 or _byte(text, i + 3) != _COLON:
                return ODD
            offset = hours * 3600 + minutes * 60
            seconds -= offset if _byte(text, i) == _PLUS else -offset
            i += 6
        if i != end:
            return ODD
    # Extension -1 of MessagePack: nanoseconds, seconds since 1970.
    out[to], out[to + 1], out[to + 2] = 0xC7, 12, 0xFF
    to = _put_big_endian(out, to + 3, nanoseconds, 4)
    return _put_big_endian(out, to, seconds, 8)


@inner
def _put_scalar(text, at, end, out, to, kind):
    """The value of a field; `to` itself if nothing is left of it."""
    if _is_empty(text, at, end):
        return to
    if kind == _LINE:
        return _put_text(text, at, end, out, to, True)
    if kind == _WHOLE:
        return _put_text(text, at, end, out, to, False)
    if kind == _LINK:
        return _put_link(text, at, end, out, to)
    if kind == _NUMBER:
        return _put_number(text, at, end, out, to, False)
    if kind == _PIXELS:
        return _put_number(text, at, end, out, to, True)
    if kind == _FLAG:
        return _put_flag(text, at, end, out, to)
    if kind == _INSTANT:
        return _put_instant(text, at, end, out, to)
    if kind == _DOMAIN:
        return _put_domain(text, at, end, out, to)
    return ODD


@inner
def _put_name(names, fields, field, out, to):
    for byte in range(fields[field, _NAME_SIZE]):
        out[to + byte] = names[fields[field, _NAME] + byte]
    return to + fields[field, _NAME_SIZE]


@inner
def _put_head(out, to, mark, count):
    out[to] = mark
    return _put_big_endian(out, to + 1, count, 4)


_TABLES = (_TEXT, nb.int64[:, ::1], nb.int64[:, ::1])  # names, fields, records


@inner
def _put_entry(text, at, end, names, fields, records, field, out, to):
    """Name and value of a field whose value stands on its line; `to` if there is none."""
    kind, child = fields[field, _KIND], fields[field, _CHILD]
    begin = to
    to = _put_name(names, fields, field, out, to)
    if kind == _LINES and child >= 0:  # one is a list of one
        to = _put_head(out, to, 0xDD, 1)
        kind = _LINE
    elif kind == _RECORD and records[child, 2] >= 0:
        if _is_empty(text, at, end):
            return begin
        to = _put_head(out, to, 0xDF, 1)
        to = _put_name(names, fields, records[child, 2], out, to)
        kind = fields[records[child, 2], _KIND]
    put = _put_scalar(text, at, end, out, to, kind)
    return begin if put == to else put


@inner
def _equal(text, at, other, begin, size):
    same = 0
    while same < size and _byte(text, at + same) == _byte(other, begin + same):
        same += 1
    return same == size


@inner
def _find_field(text, at, end, names, fields, records, record):
    """The field of a record that has this key, `_NOTHING` if none has."""
    size = end - at
    for field in range(records[record, 0], records[record, 1]):
        if fields[field, _KEY_SIZE] == size and _equal(text, at, names, fields[field, _KEY], size):
            return field
    return _NOTHING


@inner
def _is_new(text, at, end, unknown, count):
    """Whether none of the keys noted is this one; notes it."""
    size = end - at
    for number in range(count):
        if unknown[number, 1] == size and _equal(text, at, text, unknown[number, 0], size):
            return False
    unknown[count, 0], unknown[count, 1] = at, size
    return True


@inner
def _split_line(text, at, end, line):
    """Fill in `line` and return where the value begins, `end` if there is none; or `ODD`."""
    begin = at
    while _byte(text, at) == _SPACE:
        at += 1
    line[_INDENT] = at - begin
    begin = at
    if _byte(text, at) == _DASH and _byte(text, at + 1) == _SPACE:
        at += 1
        while _byte(text, at) == _SPACE:
            at += 1
    line[_DASHED] = at - begin
    if at == end:
        return ODD
    line[_KEY_BEGIN] = line[_KEY_END] = at
    if _is_letter(_byte(text, at)):
        while True:
            c = _byte(text, at)
            if not (_is_letter(c) or _is_digit(c) or c == _UNDERSCORE):
                break
            at += 1
        if c == _COLON and (at + 1 == end or _byte(text, at + 1) == _SPACE):
            if at - line[_KEY_BEGIN] > _LONGEST_KEY:
                return ODD
            line[_KEY_END] = at
            at += 1
            if at == end:
                return end
            while _byte(text, at) == _SPACE:
                at += 1
        else:
            at = line[_KEY_BEGIN]
    return at if at < end and _is_scalar(text, at, end) else ODD


@inner
def _open(stack, depth, out, to, listed, column, of):
    """Begin a mapping of record `of`, or the list that field `of` is."""
    stack[depth, _LISTED], stack[depth, _COLUMN], stack[depth, _OF] = listed, column, of
    stack[depth, _HEAD] = to
    stack[depth, _COUNT] = stack[depth, _SEEN] = stack[depth, _UNSEEN] = 0
    return _put_head(out, to, 0xDD if listed else 0xDF, 0)


@inner
def _copy_foreign(text, at, end, beyond, far):
    """Copy the runs of what is not ASCII, each with the byte before it."""
    before = at
    for i in range(at, end):
        if _byte(text, i) >= 0x80:
            for j in range(max(before, i - 1), i + 1):
                beyond[far] = _byte(text, j)
                far += 1
            before = i + 1
    return far


@inner
def _close(stack, depth, out):
    """Note in its head how much a mapping or list has."""
    _put_big_endian(out, stack[depth, _HEAD] + 1, stack[depth, _COUNT], 4)


@compiled(nb.types.UniTuple(nb.int64, 2)(_TEXT, *_TABLES, _OUT, _INT, _INT, _OUT))
def transcode(text, names, fields, records, out, begin, given, beyond):
    """The mapping that `text` is, as MessagePack from `begin` on; where it and `beyond` end.

    `text` ends with a line feed. `fields` int64[F, 6] has of each field begin and size
    of its key and of its name in `names` (which is MessagePack already), its `Kind`, and
    the record it holds (of a list of lines: 0 if one scalar is a list of one, or -1);
    `records` int64[R, 3] the fields of each, from and to, and the one that a scalar in
    place of the record is, or -1. The first record is the text's; `given` entries of it
    are in `out` already, from 5 to `begin`: its head comes before them. Runs of what is
    not ASCII in values that are wanted are copied to `beyond` (twice the text is enough),
    each with the byte before it. The end is `ODD` where the text is not plain, or `out`
    too small.
    """
    stack = np.empty((_DEPTH, 7), np.int64)
    unknown = np.empty((_DEPTH, _UNKNOWN, 2), np.int64)
    odd = (np.int64(ODD), np.int64(0))
    _open(stack, 0, out, 0, False, 0, 0)
    stack[0, _COUNT] = given
    line = np.empty(4, np.int64)
    depth, to, far, at, pending = 0, begin, 0, 0, _NOTHING
    while at < len(text):
        if _byte(text, at) == _LF:
            at += 1
            continue
        end = _line_end(text, at)
        foreign, end = end & 1, end >> 1
        if end < 0 or to + 2 * (end - at) + _ROOM > len(out):
            return odd
        at = _split_line(text, at, end, line)
        if at < 0:
            return odd
        indent, listed, keyed = line[_INDENT], line[_DASHED] > 0, line[_KEY_END] > line[_KEY_BEGIN]
        column = stack[depth, _COLUMN]
        if pending != _NOTHING and (indent > column or (indent == column and listed)):
            # The value of the key before this line begins here.
            if pending == _UNKNOWN_KEY or depth + 2 >= _DEPTH:
                return odd
            kind = fields[pending, _KIND]
            if listed != (kind in (_RECORDS, _LINES)) or (not listed and kind != _RECORD):
                return odd
            to = _put_name(names, fields, pending, out, to)
            stack[depth, _COUNT] += 1
            depth += 1
            of = pending if listed else fields[pending, _CHILD]
            to = _open(stack, depth, out, to, listed, indent, of)
        pending = _NOTHING
        while stack[depth, _COLUMN] != indent or stack[depth, _LISTED] != listed:
            _close(stack, depth, out)
            depth -= 1
            if depth < 0:
                return odd
        put = to
        if listed:
            field = stack[depth, _OF]
            if fields[field, _KIND] != (_RECORDS if keyed else _LINES):
                return odd
            if keyed:
                stack[depth, _COUNT] += 1
                depth += 1
                column = indent + line[_DASHED]
                to = _open(stack, depth, out, to, False, column, fields[field, _CHILD])
            else:
                put = _put_scalar(text, at, end, out, to, _LINE)
        elif not keyed:
            return odd
        if keyed:
            put = to
            key, key_end, record = line[_KEY_BEGIN], line[_KEY_END], stack[depth, _OF]
            field = _find_field(text, key, key_end, names, fields, records, record)
            if field < 0:
                count = stack[depth, _UNSEEN]
                if count == _UNKNOWN or not _is_new(text, key, key_end, unknown[depth], count):
                    return odd
                stack[depth, _UNSEEN] += 1
            else:
                bit = np.int64(1) << (field - records[record, 0])
                if stack[depth, _SEEN] & bit:
                    return odd
                stack[depth, _SEEN] |= bit
                if at < end:
                    put = _put_entry(text, at, end, names, fields, records, field, out, to)
            if at == end:
                pending = _UNKNOWN_KEY if field < 0 else field
        if put < 0:
            return odd
        if put > to:
            stack[depth, _COUNT] += 1
            to = put
            if foreign:
                far = _copy_foreign(text, at, end, beyond, far)
        at = end + 1
    while depth >= 0:
        _close(stack, depth, out)
        depth -= 1
    return np.int64(to), np.int64(far)
