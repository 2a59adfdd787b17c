"""What a person typed → a tree of nodes.

Plain words, and texts that were written to be read, are told here; all else is read clause by
clause (`grammar`). Only passing a limit is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from ..analysis import WORD_PATTERN
from ..errors import QueryError
from . import clauses
from .field_values import FIELD_NAMES
from .grammar import FIELD, NEAR, Parser
from .nodes import All, Node, spread
from .parsed import ParsedQuery, TypedWord

MAX_CHARACTERS = 1 << 16
#: Queries that are remembered, and the most characters of one.
_REMEMBERED, _MOST_REMEMBERED = 1024, 256
# Words without any sign of syntax; each may still be an operator. A word may end in "?".
_PLAIN = r"""\w[^\s()"*?~^:|]*\??"""
_PLAIN_TEXT = re.compile(rf"\s*{_PLAIN}(?:\s+{_PLAIN})*\s*")
_OPERATORS = clauses.OPERATORS | {"&&"}

# What a text of plain words cannot have.
_SIGNED = re.compile(
    rf"{clauses.ADDRESS.pattern}|{NEAR.pattern}|(?<!\S){clauses.DAY.pattern}(?![\w-])",
    re.IGNORECASE,
)
_ANY_OPERATOR = re.compile(r"\b(?:AND|OR|NOT)\b")
#: In a longer text that is all in capitals, AND, OR and NOT are words.
_MOST_SHOUTED = 5
#: The fewest words, beside those in quotes, of a text that is read as prose.
_FEWEST_OF_PROSE = 10
#: Of a longer text, each so many words may have a sign of syntax.
_SURELY_PROSE, _WORDS_A_SIGN = 40, 20
# What people write to search and not to be read: operators, signs at the ends of words.
_MEANT = re.compile(
    r"\b(?:AND|OR|NOT|NEAR/\d+)\b|AROUND\(|&&|\|\||(?<!\S)(?:-(?!\d+(?:[.,]\d+)*%)|[+!=])\w|(?<!\S)[*?]+\w"
    r"|\w(?:\*|~[12]?|\^\d)(?!\w)|\w[*?]\w"
)
# The same, beside quotes and parentheses.
_MEANT_BESIDE = re.compile(r'(?<![^\s("])[-+!=]+[("]|"(?:~|\^)\d')
# Signs of patterns that may be the text's own: `f*ck`, `Why?Because`.
_WITHIN_WORD = re.compile(r"(?<=\w)[*?]+(?=\w)")
_QUOTED = re.compile(r'"[^"]*"')
#: The fewest words of a text that may have been pasted, quotation and all.
_FEWEST_PASTED = 6
#: Signs that mean something to a search, where a text that was pasted has punctuation.
_PUNCTUATION = re.compile(r'[()"|*?~^]|:(?=\s)|(?<![^\s"(])[-+!=]+')
_WORD = re.compile(r"""[^\s()"]+""")
#: Other quotation marks, and the signs that East Asian keyboards type.
_SIGNS = str.maketrans("“”„«»＂（）：％", '""""""():%')


def parse(text: str) -> ParsedQuery:
    """Read a query; raises `QueryError` past 65,536 characters or 256 clauses.

    Short ones are remembered, since the pages and counts of a search ask for the same again.
    Not those with a field: what a date means depends on the day.
    """
    return _read(text) if ":" in text or len(text) > _MOST_REMEMBERED else _remembered(text)


def _read(text: str) -> ParsedQuery:
    if len(text) > MAX_CHARACTERS:
        raise QueryError("q", f"{len(text):,} characters; at most {MAX_CHARACTERS:,} are searched")
    if not _is_shouted(text):
        return _parse(text)
    # Capitals tell nothing here: neither operators nor acronyms.
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = _ANY_OPERATOR.sub(lambda found: found[0].lower(), text)
    parsed = _parse(lowered)
    words = [TypedWord(text[word.start : word.end], word.start, word.end) for word in parsed.words]
    return parsed._replace(words=tuple(words))


_remembered = lru_cache(maxsize=_REMEMBERED)(_read)


def _parse(text: str) -> ParsedQuery:
    text = text if text.isascii() else text.translate(_SIGNS)
    if _PLAIN_TEXT.fullmatch(text) is not None:
        parsed = _parse_plain(text)
        if parsed is not None:
            return parsed
    if _is_prose(text):
        return _parse_prose(text)
    return Parser(text).parse()


def _is_shouted(text: str) -> bool:
    """Whether a text has capitals alone and more words than are typed so with operators."""
    if text.upper() != text or len(text.split()) <= _MOST_SHOUTED:
        return False
    # Capitals of operators alone are none: most scripts have no others.
    others = _ANY_OPERATOR.sub("", text)
    return others.lower() != others


def _is_prose(text: str) -> bool:
    """Whether a text is one that was written to be read, and not to be searched for.

    It has many words beside those in quotes, no operators, no signs of syntax, no fields.
    """
    outside = _QUOTED.sub(" ", text)
    words = len(outside.split())
    # In a long text a few signs are its own.
    most = words // _WORDS_A_SIGN if words >= _SURELY_PROSE else 0
    if words < _FEWEST_OF_PROSE or len(_MEANT.findall(outside)) > most:
        return False
    return not _has_field(outside)


def as_pasted(text: str) -> str | None:
    """The words of a text without its quotation marks, bars and colons; None if it had to be read.

    A headline that was pasted may quote somebody: `Snowden: "I took an oath to support it"`. What
    has few words, an operator or a field was written to be searched. A quotation alone stays one,
    without signs within its words: `"none gives a f*ck"`.
    """
    typed = text.translate(_SIGNS)
    outside = _QUOTED.sub(" ", typed)
    if not WORD_PATTERN.search(outside):
        return _WITHIN_WORD.sub(" ", typed) if _WITHIN_WORD.search(typed) else None
    words = _PUNCTUATION.sub(" ", typed)
    if len(words.split()) < _FEWEST_PASTED:
        return None
    if _MEANT.search(_WITHIN_WORD.sub(" ", outside)) or _MEANT_BESIDE.search(typed):
        return None
    if _has_field(typed):
        return None
    words = " ".join(words.split())
    return None if words == text else _ANY_OPERATOR.sub(lambda found: found[0].lower(), words)


def _has_field(text: str) -> bool:
    return any(found[1].lower() in FIELD_NAMES for found in FIELD.finditer(text))


def _parse_prose(text: str) -> ParsedQuery:
    """Read all as plain words: parentheses and quotes are punctuation."""
    words = _words(text)
    nodes = [clauses.words(word.text) for word in words]
    return _of_plain(words, nodes) if any(nodes) else Parser(text).parse()


def _words(text: str) -> list[TypedWord]:
    return [TypedWord(found[0], *found.span()) for found in _WORD.finditer(text)]


def _of_plain(words: list[TypedWord], nodes: Iterable[Node | None]) -> ParsedQuery:
    plain = tuple([word for node in nodes if node is not None for word in spread(node)])
    node = plain[0] if len(plain) == 1 else All(plain)
    return ParsedQuery(node, plain, None, bool(plain), tuple(words))


def _parse_plain(text: str) -> ParsedQuery | None:
    """Like `Parser`, for plain words only: a short cut. None if it may have anything else."""
    if not _OPERATORS.isdisjoint(text.split()) or _SIGNED.search(text):
        return None
    read = text.lower() if clauses.all_capitals(text) else text
    nodes = list(map(clauses.words, read.split()))
    return None if None in nodes else _of_plain(_words(text), nodes)
