"""Plain YAML → MessagePack, in one compiled pass over the bytes.

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

from ..kernels.jit import compiled, inner, readonly
from .pack import Kind, put_big_endian, put_head, put_scalar
from .scalars import (
    COLON,
    DASH,
    LF,
    ODD,
    SPACE,
    UNDERSCORE,
    byte,
    is_digit,
    is_empty,
    is_letter,
    is_scalar,
    line_end,
)

__all__ = ["transcode"]

_TEXT = readonly(nb.uint8)
_OUT = nb.uint8[::1]
_INT = nb.int64
_LINE, _RECORD, _RECORDS, _LINES = Kind.LINE, Kind.RECORD, Kind.RECORDS, Kind.LINES

#: The most levels of mappings and lists, and of keys unknown in one mapping, that are followed.
_DEPTH = 8
_UNKNOWN = 32
_LONGEST_KEY = 100
#: What a line can take of the output beside its own bytes: headers, a name, a number.
_ROOM = 128

# Stacked for each open mapping or list.
_LISTED, _COLUMN, _OF, _HEAD, _COUNT, _SEEN, _UNSEEN = range(7)
# What a line has before its value: blanks, dash and blanks after it, key.
_INDENT, _DASHED, _KEY_BEGIN, _KEY_END = range(4)
# The table of fields.
_KEY, _KEY_SIZE, _NAME, _NAME_SIZE, _KIND, _CHILD = range(6)
_NOTHING, _UNKNOWN_KEY = -1, -2


_TABLES = (_TEXT, nb.int64[:, ::1], nb.int64[:, ::1])  # names, fields, records


@inner
def _put_name(names, fields, field, out, to):
    for i in range(fields[field, _NAME_SIZE]):
        out[to + i] = names[fields[field, _NAME] + i]
    return to + fields[field, _NAME_SIZE]


@inner
def _put_entry(text, at, end, names, fields, records, field, out, to):
    """Name and value of a field whose value stands on its line; `to` if there is none."""
    kind, child = fields[field, _KIND], fields[field, _CHILD]
    begin = to
    to = _put_name(names, fields, field, out, to)
    if kind == _LINES and child >= 0:  # one is a list of one
        to = put_head(out, to, 0xDD, 1)
        kind = _LINE
    elif kind == _RECORD and records[child, 2] >= 0:
        if is_empty(text, at, end):
            return begin
        to = put_head(out, to, 0xDF, 1)
        to = _put_name(names, fields, records[child, 2], out, to)
        kind = fields[records[child, 2], _KIND]
    put = put_scalar(text, at, end, out, to, kind)
    return begin if put == to else put


@inner
def _equal(text, at, other, begin, size):
    same = 0
    while same < size and byte(text, at + same) == byte(other, begin + same):
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
    while byte(text, at) == SPACE:
        at += 1
    line[_INDENT] = at - begin
    begin = at
    if byte(text, at) == DASH and byte(text, at + 1) == SPACE:
        at += 1
        while byte(text, at) == SPACE:
            at += 1
    line[_DASHED] = at - begin
    if at == end:
        return ODD
    line[_KEY_BEGIN] = line[_KEY_END] = at
    if is_letter(byte(text, at)):
        while True:
            c = byte(text, at)
            if not (is_letter(c) or is_digit(c) or c == UNDERSCORE):
                break
            at += 1
        if c == COLON and (at + 1 == end or byte(text, at + 1) == SPACE):
            if at - line[_KEY_BEGIN] > _LONGEST_KEY:
                return ODD
            line[_KEY_END] = at
            at += 1
            if at == end:
                return end
            while byte(text, at) == SPACE:
                at += 1
        else:
            at = line[_KEY_BEGIN]
    return at if at < end and is_scalar(text, at, end) else ODD


@inner
def _open(stack, depth, out, to, listed, column, of):
    """Begin a mapping of record `of`, or the list that field `of` is."""
    stack[depth, _LISTED], stack[depth, _COLUMN], stack[depth, _OF] = listed, column, of
    stack[depth, _HEAD] = to
    stack[depth, _COUNT] = stack[depth, _SEEN] = stack[depth, _UNSEEN] = 0
    return put_head(out, to, 0xDD if listed else 0xDF, 0)


@inner
def _copy_foreign(text, at, end, beyond, far):
    """Copy the runs of what is not ASCII, each with the byte before it."""
    before = at
    for i in range(at, end):
        if byte(text, i) >= 0x80:
            for j in range(max(before, i - 1), i + 1):
                beyond[far] = byte(text, j)
                far += 1
            before = i + 1
    return far


@inner
def _close(stack, depth, out):
    """Note in its head how much a mapping or list has."""
    put_big_endian(out, stack[depth, _HEAD] + 1, stack[depth, _COUNT], 4)


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
        if byte(text, at) == LF:
            at += 1
            continue
        end = line_end(text, at)
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
                put = put_scalar(text, at, end, out, to, _LINE)
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
