"""The value of a field of a query → a node: facets, addresses, numbers and dates."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import TypeAlias

from ..dates import BETWEEN, HUMAN, TICK, Span, read_span
from ..model import FACETS
from ..schema import ADDRESS as ADDRESS_FIELD
from ..schema import LONGEST_VALUE, NUMBER_FIELDS, TEXT_FIELDS, facet_key
from .clauses import ADDRESS, PHRASE, WORD
from .nodes import Address, DateRange, Keyword, Node, NumberRange, Present

_RANGE = re.compile(r"\[\s*([^\]]+?)\s+(?:TO|to)\s+([^\]]+?)\s*\]")
_DOTTED = re.compile(r"(?!\.\.(?:[\s)]|$))([^\s()\"]*?)\.\.([^\s()\"]*)")
_SPACED = re.compile(r"([^\s()\".]+) +\.\. +([^\s()\".]+)")
_COMPARISON = re.compile(r"(>=|<=|>|<|=|)\s*(-?\d{1,15}(?:\.\d{1,6})?)")
_COMPARED = re.compile(r"(>=|<=|>|<|=|)\s*(.*)", re.DOTALL)
_OPERATOR = re.compile(r"(?:>=|<=|>|<|=)\s*(?=\S)")

#: The value of a field, which begins at a place of the query → a node and where the value
#: ends. None for a value that cannot be read.
ValueReader: TypeAlias = Callable[[str, str, int], tuple[Node | None, int]]


#: What the values of some facets look like.
_SHAPES = {
    "published": re.compile("(?i:true|false|yes|no|1|0)"),
    "year": re.compile("[0-9]{4}"),
    "month": re.compile("[0-9]{4}-(?:0[1-9]|1[0-2])"),
}


def _keyword(facet: str, text: str, at: int) -> tuple[Node | None, int]:
    found = PHRASE.match(text, at) or WORD.match(text, at)
    if found is None:
        return None, at
    value = found[1] if found.re is PHRASE else found[0]
    shape = _SHAPES.get(facet)
    if shape and not (shape.fullmatch(value) or "*" in value or "?" in value):
        return None, found.end()
    known = len(value) <= LONGEST_VALUE and facet_key(facet, value)
    return (Keyword(facet, value) if known else None), found.end()


def _address(field: str, text: str, at: int) -> tuple[Node | None, int]:
    found = PHRASE.match(text, at) or WORD.match(text, at)
    if found is None:
        return None, at
    value = found[1] if found.re is PHRASE else found[0]
    if value == "*":
        return Present(ADDRESS_FIELD), found.end()
    return (Address(value) if ADDRESS.fullmatch(value) else None), found.end()


#: What each operator leaves open: the low end, the high end.
_SIDES = {">": (False, True), ">=": (False, True), "<": (True, False), "<=": (True, False)}


def _value(text: str, at: int, *, human: bool = False) -> tuple[str, int]:
    """The value at a place, with a blank after its operator, and where it ends.

    human: whether it may be a time as people name it
    """
    if found := PHRASE.match(text, at):
        return found[1], found.end()
    operator = _OPERATOR.match(text, at)
    begin = operator.end() if operator else at
    found = (human and HUMAN.match(text, begin)) or WORD.match(text, begin)
    end = found.end() if found else begin
    return text[at:end], end


def _number(field: str, text: str, at: int) -> tuple[Node | None, int]:
    if found := _RANGE.match(text, at) or _SPACED.match(text, at) or _DOTTED.match(text, at):
        return _numbers_between(field, *found.groups()), found.end()
    value, end = _value(text, at)
    if value == "*":
        return NumberRange(field, None, None), end
    compared = _COMPARISON.fullmatch(value)
    return compared and _compared_number(field, compared[1], float(compared[2])), end


def _numbers_between(field: str, low: str, high: str) -> Node | None:
    first, last = _COMPARISON.fullmatch(low), _COMPARISON.fullmatch(high)
    if (first is None and low not in ("*", "")) or (last is None and high not in ("*", "")):
        return None
    return NumberRange(field, first and float(first[2]), last and float(last[2]))


def _compared_number(field: str, operator: str, value: float) -> Node:
    no_low, no_high = _SIDES.get(operator, (False, False))
    low, high = (None if no_low else value), (None if no_high else value)
    return NumberRange(field, low, high, low_open=operator == ">", high_open=operator == "<")


#: The fields of dates, and the operator that some stand for.
DATE_FIELDS = {"date": "", "since": ">=", "after": ">=", "until": "<=", "before": "<"}


def _date(field: str, text: str, at: int) -> tuple[Node | None, int]:
    if found := _RANGE.match(text, at) or BETWEEN.match(text, at):
        return _dates_between(*found.groups()), found.end()
    if found := _SPACED.match(text, at) or _DOTTED.match(text, at):
        return _dates_between(*found.groups()), found.end()
    value, end = _value(text, at, human=True)
    if value == "*":
        return DateRange(None, None), end
    compared = _COMPARED.fullmatch(value)
    span = compared and read_span(compared[2])
    if not compared or not span:
        return None, end
    return _compared_date(DATE_FIELDS[field] or compared[1], span), end


def _dates_between(low: str, high: str) -> Node | None:
    first, last = read_span(low), read_span(high)
    if (first is None and low not in ("*", "")) or (last is None and high not in ("*", "")):
        return None
    return DateRange(first and first.first, last and last.last)


def _compared_date(operator: str, span: Span) -> Node | None:
    """Stories whose date compares so with a span of time; None beyond all dates."""
    try:
        if operator == ">":
            return DateRange(span.last + TICK, None)
        if operator == "<":
            return DateRange(None, span.first - TICK)
    except OverflowError:
        return None
    no_first, no_last = _SIDES.get(operator, (False, False))
    return DateRange(None if no_first else span.first, None if no_last else span.last)


#: The fields that are not of text, and what reads their values.
VALUE_READERS: dict[str, ValueReader] = {
    **dict.fromkeys(FACETS, _keyword),
    **dict.fromkeys(NUMBER_FIELDS, _number),
    **dict.fromkeys(DATE_FIELDS, _date),
    "url": _address,
}
#: Other names of fields, as other engines have them.
ALIASES = {"intitle": "title", "headline": "title", "tag": "topic"}
ALIASES |= dict.fromkeys(("site", "source", "publisher", "domain"), "provider")


_EXPECTED = {
    "published": "true or false",
    "year": "a year: write 2022",
    "month": "a month: write 2022-05",
    "url": "an address: write https://example.org/story",
}


def expected(field: str) -> str:
    """What a value of a field looks like, for who typed another."""
    if field in DATE_FIELDS:
        return "a date: write 2022-05-31, 2022-05, yesterday or 7d"
    if field in NUMBER_FIELDS:
        return "a number: write 80, >80 or 10..20"
    return _EXPECTED.get(field, "a value")


#: All names of fields.
FIELD_NAMES = (*TEXT_FIELDS, *VALUE_READERS, *ALIASES)
#: How like a field's name one must be to be taken for a slip of it, and how long one is looked at.
_ALIKE, _LONGEST_MEANT = 0.75, 20


def meant_field(name: str) -> str | None:
    """The field that a name is a slip of, if it is one of any."""
    if len(name) > _LONGEST_MEANT:
        return None
    return next(iter(get_close_matches(name, FIELD_NAMES, 1, _ALIKE)), None)
