"""One clause of a query → a node: words, patterns and near spellings; values of fields.

Words are folded here, and not stemmed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from ..analysis import MAX_TERM_LENGTH, UNSPACED, WORD_PATTERN, cut, fold, forms_of, is_acronym
from ..dates import BETWEEN, HUMAN, TICK, Span, read_span
from ..model import FACETS
from ..schema import ADDRESS as ADDRESS_FIELD
from ..schema import LONGEST_VALUE, NUMBER_FIELDS, POSITION_GAP, TEXT_FIELDS, facet_key
from .nodes import (
    Address,
    Compound,
    DateRange,
    Either,
    Fuzzy,
    Keyword,
    Node,
    NumberRange,
    Pattern,
    Phrase,
    Present,
    Word,
    all_of,
)

#: The largest `~N` of a phrase, and of NEAR: more would reach into the next field of an article.
MAX_DISTANCE = POSITION_GAP - 2
MAX_FUZZY_DISTANCE = 2

#: So many characters of a script without blanks may be one word.
_LONGEST_RUN = 8

#: A phrase and how far its words may be apart; a word with all that clings to it.
PHRASE = re.compile(r'"([^"]*)"(?:~(\d{1,9}))?')
WORD = re.compile(r'[^\s()"|]+')
#: An address of a page: it has a scheme, or `www.`, or a path after a domain.
_PATH = r"[^\s\"()]+(?:\([^\s\"()]*\)[^\s\"()]*)*"
ADDRESS = re.compile(
    rf"(?<![\w.])(?:https?://{_PATH}|www\.[\w-]{{1,63}}\.{_PATH}"
    rf"|(?:[\w-]{{1,63}}\.){{1,9}}[a-z]{{2,63}}(?::\d{{1,5}})?/{_PATH})",
    re.IGNORECASE,
)
#: A day as it is written in a date's value; typed alone it is a text.
DAY = re.compile(r"\d{4}-\d\d-\d\d")
_RANGE = re.compile(r"\[\s*([^\]]+?)\s+(?:TO|to)\s+([^\]]+?)\s*\]")
_DOTTED = re.compile(r"(?!\.\.(?:[\s)]|$))([^\s()\"]*?)\.\.([^\s()\"]*)")
_SPACED = re.compile(r"([^\s()\".]+) +\.\. +([^\s()\".]+)")
_COMPARISON = re.compile(r"(>=|<=|>|<|=|)\s*(-?\d{1,15}(?:\.\d{1,6})?)")
_COMPARED = re.compile(r"(>=|<=|>|<|=|)\s*(.*)", re.DOTALL)
#: Operators that are words; where they are none, they are no acronyms either.
OPERATORS = frozenset(("AND", "OR", "NOT"))
_SIGNS = OPERATORS | {"TO"}
_OPERATOR = re.compile(r"(?:>=|<=|>|<|=)\s*(?=\S)")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_DASHES = ("\u2012", "\u2013", "\u2212")  # of figures, of ranges, minus
#: Signs between the words of a name or number; how long the longer word of a name may be, of
#: which the other has one letter; and how many words one may have.
_JOINING = ("&", "/", ".", ":", ",", *_DASHES)
_LONGEST_JOINED = {"&": 3, "/": 2}
_MOST_JOINED = 4
_DEGREES, _DEGREE_SIGNS = ("c", "f"), ("\u00b0", "\u02da")
_WITHIN = frozenset((*_JOINING, *_DEGREE_SIGNS))
_POSSESSIVE = re.compile("['’ʼ＇]s$")
#: That of initials, which is no part of them: U.S.'s.
_OF_INITIALS = re.compile(r"(?i)(?:(?<=[^\W\d_]\.)|(?<=\.[^\W\d_]))['’ʼ＇]s(?![^\W_])")


def all_capitals(text: str) -> bool:
    """Whether several words have capitals alone, which then tell nothing of acronyms.

    Operators, numbers, and scripts without capitals are no such words: `WHO AND 2021` has one.
    """
    return text.isupper() and sum(map(_is_in_capitals, text.split())) > 1


def _is_in_capitals(word: str) -> bool:
    """Whether a word has capitals, and more letters than digits: WHO and COVID-19, not 5G."""
    letters, digits = sum(map(str.isalpha, word)), sum(map(str.isdecimal, word))
    return word.isupper() and letters > digits and word not in OPERATORS


def words(text: str, field: str | None = None, weight: float = 1.0) -> Node | None:
    """A word as typed, or several that signs join, each sought for itself.

    None when the text has no words at all.
    """
    read = _remembered if len(text) <= MAX_TERM_LENGTH else _words
    return read(text, field, weight)


def _words(text: str, field: str | None, weight: float) -> Node | None:
    chains = _chains(_OF_INITIALS.sub("", text))
    nodes = [node for chain in chains for node in _read(chain, field, weight)]
    return all_of(nodes) if nodes else None


def _chains(text: str) -> Iterator[list[str]]:
    """The words of a text, those together that are written as one, with the sign between them."""
    chain: list[str] = []
    end = 0
    for match in WORD_PATTERN.finditer(text):
        found, sign = match.group(), text[end : match.start()]
        if chain and _is_joined(chain[-1], sign, found):
            chain += (sign, found)
        else:
            if chain:
                yield chain
            chain = [found]
        end = match.end()
    if chain:
        yield chain


def _is_joined(one: str, sign: str, other: str) -> bool:
    """Whether two words are one: `AT&T`, `A/C`, `24/7`, `3.5`, `40°C`, not `trump/biden`.

    Or follow each other in a script without blanks.
    """
    if not sign:
        return bool(_UNSPACED.match(one) and _UNSPACED.match(other))
    if sign not in _WITHIN or _UNSPACED.match(one) or _UNSPACED.match(other):
        return False
    one, other = ("".join(cut(found).parts) for found in (one, other))
    if sign in _DEGREE_SIGNS:
        return one[-1:].isdecimal() and other in _DEGREES
    if one[-1:].isdecimal() and other[:1].isdecimal():
        return True
    longest = _LONGEST_JOINED.get(sign, 0)
    sizes = sorted(map(len, (one, other)))
    return sizes[0] == 1 and sizes[1] <= longest and one.isalnum() and other.isalnum()


def is_joined(text: str) -> bool:
    """Whether the last word of a text is part of a name or number with the one before it."""
    *_, last = [[""], *_chains(text)]
    return len(last) > 1 and last[-2] not in ("", *_DASHES)


def _read(chain: list[str], field: str | None, weight: float) -> list[Node]:
    """What the words of a chain are sought as: one name or number, or each for itself."""
    words, signs = chain[::2], "".join(chain[1::2])
    if signs and len(words) > _MOST_JOINED:
        return [node for found in words for node in _read([found], field, weight)]
    cuts = [cut(found) for found in words]
    parts = tuple([part for one in cuts for part in one.parts if part])
    if parts and _UNSPACED.match(words[0]):
        return _run(parts, field, weight)
    whole = cuts[0].joined
    if signs:  # these may be left out: `A/C` is AC, `40°C` 40C
        degrees = signs in _DEGREE_SIGNS and len(parts) == 2
        optional = degrees or (signs == "/" and all(map(str.isalpha, parts)))
        whole = "".join(parts) if optional else None
    if len(parts) > 1 and whole is not None:
        return [Compound(whole, parts, field, weight)]
    if len(parts) > 1 and (signs or all(map(str.isdecimal, parts))):
        return [Phrase(parts, 0, field, weight, joined=True)]
    name = _POSSESSIVE.sub("", words[0])
    acronym = is_acronym(name) and name not in _SIGNS and name[0] != "."
    return [Word(part, field, weight, acronym=acronym) for part in parts]


_remembered = lru_cache(maxsize=1 << 14)(_words)


def _run(characters: tuple[str, ...], field: str | None, weight: float) -> list[Node]:
    """Characters of a script without blanks: each of them alone tells little.

    Few are a phrase; of many, a sentence, any two that follow each other are.
    """
    if len(characters) == 1:
        return [Word(characters[0], field, weight)]
    if len(characters) <= _LONGEST_RUN:
        return [Phrase(characters, 0, field, weight)]
    return [Phrase(pair, 0, field, weight) for pair in pairwise(characters)]


def phrase(text: str, slop: int = 0, field: str | None = None, weight: float = 1.0) -> Node | None:
    """Words in quotes: as written, one after the other; patterns among them."""
    found: list[str] = []
    for piece in text.split():
        fits = pattern(piece)
        found += [fits.text] if fits else forms_of(piece)
    if not found:
        return None
    if len(found) > 1:
        return Phrase(tuple(found), min(slop, MAX_DISTANCE), field, weight, exact=True)
    if "*" in found[0] or "?" in found[0]:
        return Pattern(found[0], field, weight)
    return Word(found[0], field, weight, exact=True)


def fuzzy(text: str, distance: int, field: str | None, weight: float) -> Node | None:
    """A word or one at most `distance` edits from it; None unless it is one word.

    A near word scores its weight alone, the word itself as usual on top of that.
    """
    word = words(text, field, weight)
    if not isinstance(word, Word | Compound):
        return None
    near = Fuzzy(word.text, min(distance, MAX_FUZZY_DISTANCE), field, weight)
    return Either((near, word))


def _pattern_parts(pattern: str) -> list[str]:
    return [part for part in re.split(r"([*?])", pattern) if part]


def is_pattern(text: str) -> bool:
    """Whether a word is a pattern with wildcards: `wor*` and `w?rd` are, `why?` is not.

    A pattern has more than wildcards, and no character that would cut it into several
    words.
    """
    body = text[:-1] if text.endswith("?") and text.count("?") == 1 else text
    if "*" not in body and "?" not in body:
        return False
    literals = [part for part in _pattern_parts(text) if part not in "*?"]
    return bool(literals) and all(len(WORD_PATTERN.findall(part)) == 1 for part in literals)


def pattern(text: str, field: str | None = None, weight: float = 1.0) -> Pattern | None:
    """The words that fit a pattern; None if a text is none, or has no letters left."""
    if not is_pattern(text):
        return None
    folded = "".join(
        part if part in "*?" else fold(WORD_PATTERN.findall(part)[0])
        for part in _pattern_parts(text)
    )
    while "**" in folded:
        folded = folded.replace("**", "*")
    return Pattern(folded, field, weight) if folded.strip("*?") else None


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
ALIASES = {"site": "provider", "source": "provider", "intitle": "title", "tag": "topic"}


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
