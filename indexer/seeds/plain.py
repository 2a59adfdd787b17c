"""The YAML that most story files are made of → the fields that are wanted; layer 2.

One key or list item a line, its value on the same line: quoted, or plain and short of
everything that YAML gives a meaning to. Such lines are read by one regular expression,
several times faster than libyaml's events can be made. Whatever else a file holds, even
a field that cannot be used, is left to `events`, which knows all of YAML and says what
is wrong; a file read here is one that `events` reads alike, without a warning.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeAlias

from .events import Field, Fields, Many, Node, Parse, Record, read_scalar, read_text
from .values import BadValueError

#: Line breaks of YAML but the line feed, tabs, and what YAML refuses.
_ODD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

#: A line: indentation, dash, key, value; or all the rest, which is not of this form. The
#: value of `secured` is stepped over. Values are matched loosely, for runs that only one
#: character ends are matched several times faster than others; `_text_of` is strict.
_SECRET = r'"[^"\\\n]*"'
_LINE = re.compile(
    rf"""
    ([ ]*) (-[ ]+)? (?:([A-Za-z][A-Za-z0-9_]{{0,99}}):(?:[ ](?=[^ \n])|(?=\n)))?
    (?: (?<=secured:[ ]){_SECRET}
      | (?<!secured:[ ])(
          "[^"]*(?:(?<=\\)"[^"]*)*" | '[^']*(?:''[^']*)*' | [^\W_][^\n]* | -[0-9][^\n]*
        )
    )?
    \n+
    | (?s:.+)
    """,
    re.VERBOSE,
)
_ESCAPED = re.compile(r'(?:[^"\\]|\\["\\])*')
_ESCAPE = re.compile(r"\\(.)")


#: indentation, dash, key, value. What is not of this form has no key.
_Line: TypeAlias = "tuple[str, str, str, str]"
_END = ("", "", "\n", "")

#: Values as short as this come again and again: kinds, numbers, names.
_SHORT = 16


class _OtherError(Exception):
    """The text is not of the plain form."""


def read_plain(text: str, fields: Fields) -> dict[str, Any] | None:
    """Read a mapping as `events.read_mapping` does; None where that has to be asked."""
    if not text.replace("\n", "").isprintable() and _ODD.search(text):
        return None
    lines: list[_Line] = _LINE.findall(text.strip("\n") + "\n")
    if lines[0][0] or lines[0][1]:
        return None
    lines.append(_END)
    try:
        values, end = _read_mapping(lines, 0, 0, fields)
    except (_OtherError, BadValueError):
        return None
    return values if end == len(lines) - 1 else None


def _read_mapping(
    lines: list[_Line], at: int, column: int, fields: Fields
) -> tuple[dict[str, Any], int]:
    """The mapping whose keys stand in a column, from line `at` on; and the line after it."""
    values: dict[str, Any] = {}
    seen: set[str] = set()
    _, _, key, value = lines[at]
    while True:
        at += 1
        if not key or key in seen:
            raise _OtherError
        seen.add(key)
        wanted = fields.get(key)
        if wanted is None:
            if _text_of(value) == "" and _is_inside(lines[at], column):
                raise _OtherError
        else:
            attribute, node = wanted
            if value:
                found = _read_value(value, node)
            elif _is_inside(lines[at], column):
                found, at = _read_block(lines, at, node)
            else:
                found = None
            if found is not None:
                values[attribute] = found
        indent, dash, key, value = lines[at]
        if dash or len(indent) != column or key == "\n":
            return values, at


def _is_inside(line: _Line, column: int) -> bool:
    """Whether a line belongs to the value of the key before it; lists need no indentation."""
    depth = len(line[0])
    return depth > column or (depth == column and line[1] != "")


def _read_block(lines: list[_Line], at: int, node: Node) -> tuple[Any, int]:
    """The mapping or list that begins on line `at`, and the line after it."""
    column, listed = len(lines[at][0]), lines[at][1] != ""
    if not listed and isinstance(node, Record):
        values, at = _read_mapping(lines, at, column, node.fields)
        return node.build(values), at
    if not listed or not isinstance(node, Many):
        raise _OtherError
    items = []
    indent, dash, key, value = lines[at]
    while dash and len(indent) == column:
        if value and not key:
            found, at = _read_value(value, node.item), at + 1
        elif key and isinstance(node.item, Record):
            values, at = _read_mapping(lines, at, column + len(dash), node.item.fields)
            found = node.item.build(values)
        else:
            raise _OtherError
        if found is not None:
            items.append(found)
        indent, dash, key, value = lines[at]
    return tuple(items), at


def _read_value(value: str, node: Node) -> Any:
    if type(node) is Field:
        return (_read_short if len(value) <= _SHORT else _read_field)(value, node.parse)
    return read_scalar(node, _text_of(value), value[0] not in "\"'")


def _read_field(value: str, parse: Parse) -> Any:
    return read_text(parse, _text_of(value), value[0] not in "\"'")


_read_short = lru_cache(1 << 14)(_read_field)


def _text_of(value: str) -> str:
    """What a value is the notation of."""
    mark = value[:1]
    if mark == '"':
        text = value[1:-1]
        if "\\" in text:
            if not _ESCAPED.fullmatch(text):
                raise _OtherError
            text = _ESCAPE.sub(r"\1", text)
    elif mark == "'":
        text = value[1:-1].replace("''", "'")
    else:
        # `: ` begins a value and ` #` a comment; no other sign matters inside plain text.
        if ": " in value or " #" in value or value.endswith((":", " ")):
            raise _OtherError
        return value
    if "\n" in text:
        raise _OtherError
    return text
