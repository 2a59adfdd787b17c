"""What a person typed → a Whoosh query tree.

    query   = clause { [ "AND" ] clause | "OR" clause }        OR binds least
    clause  = [ "NOT" | "-" ] ( "(" query ")" | [ field ":" ] value ) [ "^" number ]
    value   = word | '"' words '"' [ "~" number ] | pattern | word "~" [ number ]
            | "[" from "TO" to "]" | comparison

Only passing a limit is an error. What cannot be read as syntax is searched as words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from whoosh import query as wq

from ..dates import TICK, read_span
from ..errors import QueryError
from ..model import FACETS
from ..schema import NUMBER_FIELDS, TEXT_FIELDS
from . import clauses

MAX_CHARACTERS = 4096
MAX_CLAUSES = 256
#: Deeper parentheses are read as punctuation.
MAX_DEPTH = 32

_SPACE = re.compile(r"\s*")
# A word without any sign of syntax; it may still be an operator.
_PLAIN = re.compile(r"[^\W_]+(?=\s|$)")
_OPERATORS = frozenset(("AND", "OR", "NOT"))
_FIELD = re.compile(r"([A-Za-z_]+):(?=[^\s)])")
_PHRASE = re.compile(r'"([^"]*)"(?:~(\d{1,4}))?')
_RANGE = re.compile(r"\[\s*([^\]\s]+)\s+TO\s+([^\]\s]+)\s*\]")
_WORD = re.compile(r'[^\s()"]+')
_BOOST = re.compile(r"\^(\d{1,3}(?:\.\d{1,3})?)(?=[\s)]|$)")
_BOOSTED_WORD = re.compile(r"(.+)\^(\d{1,3}(?:\.\d{1,3})?)")
_FUZZY = re.compile(r"(.+)~([12]?)")
_COMPARISON = re.compile(r"(>=|<=|>|<|=|)(-?\d{1,15}(?:\.\d{1,6})?)")
_OPERATOR = re.compile(r"(AND|OR|NOT)(?=[\s(]|$)")
_QUOTES = str.maketrans("“”„«»", '"""""')


class TypedWord(NamedTuple):
    """A plain word of the query and where it stands: `query[start:end]`."""

    text: str
    start: int
    end: int


class ParsedQuery(NamedTuple):
    """A query ready to run.

    `query` matches stories with all the words. `relaxed` matches stories with some of
    them; it is None if that is no different. `scored` is false if no part of the query ranks
    stories. `words` are the plain words, for spelling.
    """

    query: wq.Query
    relaxed: wq.Query | None
    scored: bool
    words: tuple[TypedWord, ...]


class _Clause(NamedTuple):
    query: wq.Query
    text: bool  # ranks stories and may be relaxed
    negated: bool = False


def parse(text: str) -> ParsedQuery:
    """Read a query; raises `QueryError` past 4,096 characters or 256 clauses."""
    if len(text) > MAX_CHARACTERS:
        raise QueryError("q", f"{len(text):,} characters; at most {MAX_CHARACTERS:,} are searched")
    return _Parser(text if text.isascii() else text.translate(_QUOTES)).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.count = 0
        self.words: list[TypedWord] = []

    def parse(self) -> ParsedQuery:
        alternatives = self._alternatives()
        while self.at < len(self.text):  # a closing parenthesis too many
            self.at += 1
            more = self._alternatives()
            alternatives[-1] += more[0]
            alternatives += more[1:]
        query = _any_of(alternatives)
        relaxed = None
        if len(alternatives) == 1:
            relaxed = _some_of(alternatives[0])
        scored = any(clause.text and not clause.negated for part in alternatives for clause in part)
        return ParsedQuery(query or wq.Every(), relaxed, scored, tuple(self.words))

    def _alternatives(self) -> list[list[_Clause]]:
        """Read to the end or to a closing parenthesis, which is left unread."""
        parts: list[list[_Clause]] = [[]]
        while True:
            self._skip(_SPACE)
            if self.at >= len(self.text) or self.text[self.at] == ")":
                return [part for part in parts if part] or [[]]
            plain = _PLAIN.match(self.text, self.at)
            if plain is not None and plain[0] not in _OPERATORS:
                self._plain_word(plain, parts[-1])
                continue
            operator = self._operator(bool(parts[-1]))
            if operator == "OR":
                parts.append([])
            elif operator is None:
                clause = self._clause()
                if clause is not None:
                    parts[-1].append(clause)

    def _plain_word(self, found: re.Match[str], part: list[_Clause]) -> None:
        """Like `_clause`, for a plain word only: a short cut."""
        word, start, self.at = found[0], *found.span()
        query = clauses.words(word)
        if query is not None:
            self._count()
            self.words.append(TypedWord(word, start, self.at))
            part.append(_Clause(query, True))

    def _operator(self, after_clause: bool) -> str | None:
        """Consume AND or OR between two clauses; elsewhere AND and OR are words."""
        found = _OPERATOR.match(self.text, self.at)
        if found is None or found[1] == "NOT" or not after_clause:
            return None
        rest = self.text[found.end() :].strip()
        if not rest or rest.startswith(")"):
            return None
        self.at = found.end()
        return found[1]

    def _clause(self) -> _Clause | None:
        negated = self._negation()
        clause = self._group() if self.text.startswith("(", self.at) else self._value()
        if clause is None:
            return None
        return clause._replace(negated=negated != clause.negated)

    def _negation(self) -> bool:
        negated = False
        while self.at < len(self.text):
            found = _OPERATOR.match(self.text, self.at)
            if found is not None and found[1] == "NOT" and self.text[found.end() :].strip():
                self.at = found.end()
                self._skip(_SPACE)
            elif self.text[self.at] == "-" and re.match(r'[\w("]', self.text[self.at + 1 :]):
                self.at += 1
            else:
                break
            negated = not negated
        return negated

    def _group(self) -> _Clause | None:
        self.at += 1
        if self.depth >= MAX_DEPTH:
            return None
        self.depth += 1
        alternatives = self._alternatives()
        self.depth -= 1
        if self.text.startswith(")", self.at):
            self.at += 1
        query = _any_of(alternatives)
        if query is None:
            return None
        text = any(clause.text for part in alternatives for clause in part)
        return _Clause(self._boosted(query), text)

    def _boosted(self, query: wq.Query) -> wq.Query:
        found = _BOOST.match(self.text, self.at)
        if found is None:
            return query
        self.at = found.end()
        return _scaled(query, float(found[1]))

    def _value(self) -> _Clause | None:
        start = self.at
        found = _FIELD.match(self.text, start)
        if found is not None:
            self.at = found.end()
            clause = self._field_value(found[1].lower())
            if clause is not None:
                self._count()
                return clause
            self.at = start
        query = self._text_value(None)
        if query is None:
            return None
        self._count()
        return _Clause(query, not isinstance(query, wq.Every))

    def _count(self) -> None:
        self.count += 1
        if self.count > MAX_CLAUSES:
            raise QueryError("q", f"more than {MAX_CLAUSES} words and clauses: search for fewer")

    def _field_value(self, field: str) -> _Clause | None:
        if field in TEXT_FIELDS:
            if self.text.startswith("(", self.at):
                return self._field_group(lambda: self._text_clause(field))
            return self._text_clause(field)
        reader = _VALUE_READERS.get(field)
        if reader is None:
            return None
        if self.text.startswith("(", self.at):
            return self._field_group(lambda: self._select_clause(reader, field))
        return self._select_clause(reader, field)

    def _text_clause(self, field: str) -> _Clause | None:
        query = self._text_value(field)
        return None if query is None else _Clause(query, True)

    def _select_clause(self, reader: _ValueReader, field: str) -> _Clause | None:
        query = reader(self, field)
        return None if query is None else _Clause(query, False)

    def _field_group(self, read: Callable[[], _Clause | None]) -> _Clause | None:
        """`title:(one two)`: all of them; `topic:(one OR two)`: either."""
        close = self.text.find(")", self.at)
        if close < 0:
            return None
        self.at += 1
        parts: list[list[_Clause]] = [[]]
        while True:
            self._skip(_SPACE)
            if self.at >= close:
                break
            operator = self._operator(bool(parts[-1]))
            if operator == "OR":
                parts.append([])
            elif operator is None:
                negated = self._negation()
                start = self.at
                clause = read()
                self.at = max(self.at, start + 1)
                if clause is not None:
                    self._count()
                    parts[-1].append(clause._replace(negated=negated))
        self.at = close + 1
        query = _any_of([part for part in parts if part])
        text = any(clause.text for part in parts for clause in part)
        return None if query is None else _Clause(self._boosted(query), text)

    def _text_value(self, field: str | None) -> wq.Query | None:
        fields = None if field is None else (field,)
        phrase = _PHRASE.match(self.text, self.at)
        if phrase is not None:
            self.at = phrase.end()
            query = clauses.words(phrase[1], fields, slop=int(phrase[2] or 0))
            return None if query is None else self._boosted(query)
        found = _WORD.match(self.text, self.at)
        if found is None:  # a quotation mark that never closes
            self.at += 1
            return None
        self.at = found.end()
        return self._word(found[0], found.start(), fields)

    def _word(self, text: str, start: int, fields: tuple[str, ...] | None) -> wq.Query | None:
        boost = 1.0
        if found := _BOOSTED_WORD.fullmatch(text):
            text, boost = found[1], float(found[2])
        if text == "*":
            return wq.Every()
        if clauses.is_pattern(text):
            return clauses.wildcard(text, fields, boost)
        if found := _FUZZY.fullmatch(text):
            query = clauses.fuzzy(found[1], int(found[2] or 1), fields, boost)
            if query is not None:
                return query
        query = clauses.words(text, fields, boost)
        if query is not None:
            self.words.append(TypedWord(text, start, start + len(text)))
        return query

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found


_ValueReader = Callable[[_Parser, str], "wq.Query | None"]


def _read_keyword(parser: _Parser, field: str) -> wq.Query | None:
    found = parser._take(_PHRASE) or parser._take(_WORD)
    if found is None:
        return None
    return clauses.keyword(field, found[1] if found.re is _PHRASE else found[0])


def _read_number(parser: _Parser, field: str) -> wq.Query | None:
    if found := parser._take(_RANGE):
        ends = [_COMPARISON.fullmatch(end) or end == "*" for end in found.groups()]
        if not all(ends):
            return None
        low, high = (None if end == "*" else float(end.lstrip("=<>")) for end in found.groups())
        return clauses.number(
            field,
            "[]",
            float("-inf") if low is None else low,
            float("inf") if high is None else high,
        )
    word = parser._take(_WORD)
    found = word and _COMPARISON.fullmatch(word[0])
    return None if not found else clauses.number(field, found[1] or "=", float(found[2]))


def _read_date(parser: _Parser, field: str) -> wq.Query | None:
    if found := parser._take(_RANGE):
        spans = [None if end == "*" else read_span(end) for end in found.groups()]
        if any(
            span is None and end != "*" for span, end in zip(spans, found.groups(), strict=True)
        ):
            return None
        first, last = spans
        return clauses.between(first and first.first, last and last.last)
    word = parser._take(_WORD)
    if word is None:
        return None
    operator = re.match(r">=|<=|>|<|=|", word[0])
    assert operator is not None
    span = read_span(word[0][operator.end() :])
    return None if span is None else _date_clause(field, operator[0], *span)


def _date_clause(field: str, operator: str, first: datetime, last: datetime) -> wq.Query:
    if field == "since" or operator == ">=":
        return clauses.between(first, None)
    if field == "until" or operator == "<=":
        return clauses.between(None, last)
    if operator == ">":
        return clauses.between(last + TICK, None)
    if operator == "<":
        return clauses.between(None, first - TICK)
    return clauses.between(first, last)


_VALUE_READERS: dict[str, _ValueReader] = {
    **dict.fromkeys(FACETS, _read_keyword),
    **dict.fromkeys(NUMBER_FIELDS, _read_number),
    **dict.fromkeys(("date", "since", "until"), _read_date),
}


def _scaled(query: wq.Query, boost: float) -> wq.Query:
    """The same query with every score multiplied."""
    if isinstance(query, wq.ConstantScoreQuery):
        return wq.ConstantScoreQuery(query.child, query.score * boost)
    if isinstance(query, wq.Every):
        return query
    if isinstance(query, clauses.WordClause):
        return clauses.WordClause(query.text, query.weight * boost)
    scaled = query.copy()
    if isinstance(query, wq.AndNot):
        return clauses.AndNot(_scaled(query.a, boost), query.b)
    if isinstance(query, wq.And | wq.Or):
        scaled.subqueries = [_scaled(child, boost) for child in query.subqueries]
    else:
        scaled.boost = query.boost * boost
    return scaled


def _all_of(part: list[_Clause]) -> wq.Query:
    wanted = [clause.query for clause in part if not clause.negated]
    unwanted = [clause.query for clause in part if clause.negated]
    query = wq.Every() if not wanted else wanted[0] if len(wanted) == 1 else wq.And(wanted)
    if not unwanted:
        return query
    return clauses.AndNot(query, unwanted[0] if len(unwanted) == 1 else wq.Or(unwanted))


def _any_of(alternatives: list[list[_Clause]]) -> wq.Query | None:
    queries = [_all_of(part) for part in alternatives if part]
    if not queries:
        return None
    return queries[0] if len(queries) == 1 else wq.Or(queries)


def _some_of(part: list[_Clause]) -> wq.Query | None:
    """One of the text clauses must match, instead of all; other clauses must still match."""
    text = [clause for clause in part if clause.text and not clause.negated]
    if len(text) < 2:
        return None
    rest = [clause for clause in part if not clause.text or clause.negated]
    return _all_of([_Clause(wq.Or([clause.query for clause in text]), True), *rest])
