"""One clause of a query → a node: words, patterns and near spellings; values of fields.

Words are folded here, and not stemmed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from ..analysis import fold, iter_words
from ..dates import TICK, Span, read_span
from ..model import FACETS
from ..schema import NUMBER_FIELDS, POSITION_GAP, facet_key
from .nodes import DateRange, Either, Fuzzy, Keyword, Node, NumberRange, Pattern, Phrase, Word

#: The largest `~N` of a phrase: more would reach into the next field of an article.
MAX_SLOP = POSITION_GAP - 2
MAX_FUZZY_DISTANCE = 2

#: A phrase and how far its words may be apart; a word with all that clings to it.
PHRASE = re.compile(r'"([^"]*)"(?:~(\d{1,4}))?')
WORD = re.compile(r'[^\s()"]+')
_RANGE = re.compile(r"\[\s*([^\]\s]+)\s+TO\s+([^\]\s]+)\s*\]")
_COMPARISON = re.compile(r"(>=|<=|>|<|=|)(-?\d{1,15}(?:\.\d{1,6})?)")
_COMPARED = re.compile(r"(>=|<=|>|<|=|)(.*)", re.DOTALL)


@lru_cache(maxsize=1 << 14)
def words(
    text: str, field: str | None = None, weight: float = 1.0, slop: int = 0
) -> Word | Phrase | None:
    """A word, or several as a phrase with up to `slop` others between neighbours.

    None when the text has no words at all.
    """
    folded = tuple([form for form in (fold(word.text) for word in iter_words(text)) if form])
    if not folded:
        return None
    if len(folded) == 1:
        return Word(folded[0], field, weight)
    return Phrase(folded, min(slop, MAX_SLOP), field, weight)


def fuzzy(text: str, distance: int, field: str | None, weight: float) -> Node | None:
    """A word or one at most `distance` edits from it; None unless it is one word.

    A near word scores its weight alone, the word itself as usual on top of that.
    """
    word = words(text, field, weight)
    if not isinstance(word, Word):
        return None
    near = Fuzzy(word.text, min(distance, MAX_FUZZY_DISTANCE), field, weight)
    return Either((near, word))


def _pattern_parts(pattern: str) -> list[str]:
    parts = [""]
    for character in pattern:
        if character in "*?":
            parts += [character, ""]
        else:
            parts[-1] += character
    return [part for part in parts if part]


def is_pattern(text: str) -> bool:
    """Whether a word is a pattern with wildcards: `wor*` and `w?rd` are, `why?` is not.

    A pattern has more than wildcards, and no character that would cut it into several
    words.
    """
    body = text[:-1] if text.endswith("?") and text.count("?") == 1 else text
    if "*" not in body and "?" not in body:
        return False
    literals = [part for part in _pattern_parts(text) if part not in "*?"]
    return bool(literals) and all(len(list(iter_words(part))) == 1 for part in literals)


def pattern(text: str, field: str | None, weight: float) -> Pattern | None:
    """The words that fit a pattern; None if a text is none, or has no letters left."""
    if not is_pattern(text):
        return None
    folded = "".join(
        part if part in "*?" else "".join([fold(word.text) for word in iter_words(part)])
        for part in _pattern_parts(text)
    )
    while "**" in folded:
        folded = folded.replace("**", "*")
    return Pattern(folded, field, weight) if folded.strip("*?") else None


#: The value of a field, which begins at a place of the query → a node and where the value
#: ends. None for a value that cannot be read.
ValueReader: TypeAlias = Callable[[str, str, int], tuple[Node | None, int]]


def _keyword(facet: str, text: str, at: int) -> tuple[Node | None, int]:
    found = PHRASE.match(text, at) or WORD.match(text, at)
    if found is None:
        return None, at
    value = found[1] if found.re is PHRASE else found[0]
    return (Keyword(facet, value) if facet_key(facet, value) else None), found.end()


#: What each operator leaves open: the low end, the high end.
_SIDES = {">": (False, True), ">=": (False, True), "<": (True, False), "<=": (True, False)}


def _number(field: str, text: str, at: int) -> tuple[Node | None, int]:
    if found := _RANGE.match(text, at):
        return _numbers_between(field, *found.groups()), found.end()
    if (word := WORD.match(text, at)) is None:
        return None, at
    compared = _COMPARISON.fullmatch(word[0])
    return compared and _compared_number(field, compared[1], float(compared[2])), word.end()


def _numbers_between(field: str, low: str, high: str) -> Node | None:
    first, last = _COMPARISON.fullmatch(low), _COMPARISON.fullmatch(high)
    if (first is None and low != "*") or (last is None and high != "*"):
        return None
    return NumberRange(field, first and float(first[2]), last and float(last[2]))


def _compared_number(field: str, operator: str, value: float) -> Node:
    no_low, no_high = _SIDES.get(operator, (False, False))
    low, high = (None if no_low else value), (None if no_high else value)
    return NumberRange(field, low, high, low_open=operator == ">", high_open=operator == "<")


#: The fields of dates, and the operator that some stand for.
_DATE_FIELDS = {"date": "", "since": ">=", "until": "<="}


def _date(field: str, text: str, at: int) -> tuple[Node | None, int]:
    if found := _RANGE.match(text, at):
        return _dates_between(*found.groups()), found.end()
    if (word := WORD.match(text, at)) is None:
        return None, at
    compared = _COMPARED.fullmatch(word[0])
    span = compared and read_span(compared[2])
    if not compared or not span:
        return None, word.end()
    return _compared_date(_DATE_FIELDS[field] or compared[1], span), word.end()


def _dates_between(low: str, high: str) -> Node | None:
    first, last = read_span(low), read_span(high)
    if (first is None and low != "*") or (last is None and high != "*"):
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
    **dict.fromkeys(_DATE_FIELDS, _date),
}
