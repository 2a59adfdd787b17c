"""The grammar of queries: what is typed → clauses → a tree of nodes.

    query    = clause { [ "AND" ] clause | "OR" clause }        OR binds least
    clause   = { "NOT" | "-" | "+" } ( "(" query ")" | [ field ":" ] value ) [ "^" number ]
    value    = word | "=" word | '"' words '"' [ "~" number ] | pattern | word "~" [ number ]
             | "[" from "TO" to "]" | from ".." to | comparison | value "NEAR/" number value

Only passing a limit is an error. What cannot be read as syntax is searched as words, and a
field that cannot be read is named in a notice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ..analysis import WORD_PATTERN
from ..dates import read_span
from ..errors import QueryError
from ..model import Notice
from ..schema import TEXT_FIELDS
from . import amounts, clauses, field_values
from .nodes import (
    Address,
    All,
    Alternatives,
    Either,
    Everything,
    Fuzzy,
    Keyword,
    Node,
    Phrase,
    Plain,
    Present,
    Without,
    all_of,
    either_of,
    leaves,
    near_of,
    ranks,
    scaled,
    spread,
)
from .parsed import ParsedQuery, TypedWord

#: Words and other leaves that must be there; of plain words, the most telling are searched.
MAX_CLAUSES = 256
#: Deeper parentheses are read as punctuation.
MAX_DEPTH = 32

#: Of so many names that are no fields, the field that was meant is looked for.
_MOST_MEANT = 4
_SPACE = re.compile(r"\s*")
FIELD = re.compile(r"([A-Za-z_]+):(?=[^\s)])")
_SPACED_FIELD = re.compile(r"([A-Za-z_]+):[ \t]+(?=[^\s)])")
_BOOST = re.compile(r"\^(\d{1,3}(?:\.\d{1,3})?)(?=[\s)]|$)")
_BOOSTED_WORD = re.compile(r"(.+)\^(\d{1,3}(?:\.\d{1,3})?)")
_FUZZY = re.compile(r"(.+)~(\d?(?:\.\d{1,9})?)")
# An operator, and what it needs after it.
_OPERATOR = re.compile(r"(?:(AND|OR|&&)(?=[\s(])|\|\|?)(?=\s*[^\s)])")
_NOT = re.compile(r"NOT(?=[\s(])(?=\s*[^\s)])")
NEAR = re.compile(r"(?:(?:NEAR|near|[Ww])/(\d{1,3})|AROUND\((\d{1,3})\))(?=[\s(])(?=\s*[^\s)])")
# A minus before a percentage is no operator, nor is the sign of mathematics before a number.
_MINUS = re.compile(r"(?:-(?!\d+(?:[.,]\d+)*%)|[−－](?!\d)|!)(?=[^\s)|!-])")
_PLUS = re.compile(r"\+(?=[^\s)|+])")

#: What is said of a value of a facet that no story has.
UNKNOWN = "fits no story of this archive"
_NOTHING = "has nothing to search for: no letters, digits or signs that are searched"
_OPEN = "has a quotation mark that is never closed; searched as words"
_DAY = "is searched as a text; for the stories of that day write date:"

#: Punctuation that ends a sentence, and no address.
_AFTER_ADDRESS = ".,;:!?'>]}»”"
_ANYTHING = re.compile(r"\*(?=[\s)]|$)")
#: Of what a notice names, so many characters are shown.
MOST_SHOWN = 80


class _Clause(NamedTuple):
    node: Node
    plain: bool = False  # a word typed with nothing that makes it necessary
    negated: bool = False


class Parser:
    """Reads one query, clause by clause."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.capitals = not clauses.all_capitals(text)
        self.at = 0
        self.depth = 0
        self.nears = 0
        self.words: list[TypedWord] = []
        self.notices: list[Notice] = []
        self.values: list[tuple[Keyword, Notice]] = []

    def parse(self) -> ParsedQuery:
        """The whole query; raises `QueryError` past a limit."""
        alternatives = self._read_clauses(self._clause)
        while self.at < len(self.text):  # a closing parenthesis too many
            self.at += 1
            more = self._read_clauses(self._clause)
            alternatives[-1] += more[0]
            alternatives += more[1:]
        node = _any_of(alternatives) or self._without_words()
        plain: list[Plain] = []
        held: list[_Clause] = []
        for clause in alternatives[0] if len(alternatives) == 1 else ():
            if clause.plain:
                plain += spread(clause.node)
            else:
                held.append(clause)
        rest = _all_of(held) if plain else node
        if _size(rest) > MAX_CLAUSES:
            raise QueryError(
                "q", f"more than {MAX_CLAUSES} words that must be there: search for fewer"
            )
        if plain:
            node = all_of([*plain, rest])
        return ParsedQuery(
            node=node,
            plain=tuple(plain),
            rest=None if isinstance(rest, Everything) else rest,
            scored=ranks(node),
            words=tuple(self.words),
            notices=tuple(self.notices),
            values=tuple(self.values),
        )

    def _without_words(self) -> Node:
        """What a query selects that has no clause: all if it is empty, else nothing."""
        if not self.text.strip():
            return Everything()
        self._notice(0, len(self.text), _NOTHING)
        return Either(())

    def _notice(self, start: int, end: int, reason: str) -> None:
        self.notices.append(self._named(start, end, reason))

    def _named(self, start: int, end: int, reason: str) -> Notice:
        return Notice(self.text[start:end].strip()[:MOST_SHOWN], start, end, reason)

    def _read_clauses(self, read: Callable[[], _Clause | None]) -> list[list[_Clause]]:
        """Clauses, each read by a function, with operators between them.

        They end with the text or at a closing parenthesis, which is left unread.
        """
        parts: list[list[_Clause]] = [[]]
        held = False
        near = 0
        while True:
            self._take(_SPACE)
            if self.at >= len(self.text) or self.text[self.at] == ")":
                return [part for part in parts if part] or [[]]
            operator = self._operator() if parts[-1] else None
            if operator == "OR":
                if not near:  # of several operators the first counts
                    parts.append([])
            elif operator == "AND":
                parts[-1][-1] = parts[-1][-1]._replace(plain=False)
                held = True
            elif parts[-1] and (found := self._take(NEAR)):
                near = max(1, int(found[1] or found[2]))
            else:
                clause = read()
                if clause is None:
                    continue
                if near:
                    clause = self._near(parts[-1].pop(), clause, near)
                parts[-1].append(clause._replace(plain=False) if held else clause)
                held, near = False, 0

    def _near(self, left: _Clause, right: _Clause, distance: int) -> _Clause:
        """One clause, or an alternative in it, near another; else both, wherever they stand."""
        node = near_of(left.node, right.node, min(distance, clauses.MAX_DISTANCE))
        if node is not None and not (left.negated or right.negated):
            return _Clause(node)
        self.nears += 1
        if self.nears > MAX_CLAUSES:
            raise QueryError("q", f"more than {MAX_CLAUSES} NEAR: search for fewer")
        self._notice(
            0, self.at, "NEAR joins words, phrases and patterns, or any of some; read as AND"
        )
        before = left.node.parts if isinstance(left.node, All) else (left.node,)
        return _Clause(_all_of([*[left._replace(node=part) for part in before], right]))

    def _operator(self) -> str | None:
        """Consume AND or OR, which stands between two clauses; elsewhere these are words.

        Of several the first counts.
        """
        first = None
        while found := self._take(_OPERATOR):
            first = first or ("AND" if found[1] in ("AND", "&&") else "OR")
            self._take(_SPACE)
        return first

    def _clause(self) -> _Clause | None:
        start = self.at
        negated = self._negation()
        held = self._take(_PLUS) is not None
        signs = self.at > start
        clause = self._group() if self.text.startswith("(", self.at) else self._value()
        if clause is None:
            return None
        return _Clause(clause.node, clause.plain and not signs, negated and not held)

    def _negation(self) -> bool:
        """Consume signs of negation; whether their number is odd."""
        negated = False
        while True:
            if self._take(_NOT) is not None:
                self._take(_SPACE)
            elif self._take(_MINUS) is None:
                return negated
            negated = not negated

    def _group(self) -> _Clause | None:
        self.at += 1
        if self.depth >= MAX_DEPTH:
            return None
        self.depth += 1
        alternatives = self._read_clauses(self._clause)
        self.depth -= 1
        clause = self._closed(_any_of(alternatives))
        if clause is None or len(alternatives) > 1:
            return clause
        # Parentheses that hold words alone change nothing.
        return clause._replace(
            plain=all(part.plain and not part.negated for part in alternatives[0])
        )

    def _closed(self, node: Node | None) -> _Clause | None:
        """What stands in parentheses, boosted if so typed; the closing one may be missing."""
        if self.text.startswith(")", self.at):
            self.at += 1
        return None if node is None else _Clause(self._boosted(node))

    def _boosted(self, node: Node) -> Node:
        found = self._take(_BOOST)
        return node if found is None else scaled(node, float(found[1]))

    def _value(self) -> _Clause | None:
        if found := self._take(clauses.ADDRESS):
            address = found[0].rstrip(_AFTER_ADDRESS)
            self.at = found.start() + len(address)
            return _Clause(Address(address))
        start, typed, noticed = self.at, len(self.words), len(self.notices)
        found = self._take(FIELD) or self._take(_SPACED_FIELD)
        if found is not None:
            clause = self._field_value(found, start)
            if clause is not None:
                return clause
            self.at = start
        clause = self._text_value(None)
        if len(self.notices) > noticed:
            del self.words[typed:]  # a field that is none is no slip of a word
        return clause

    def _field_value(self, found: re.Match[str], start: int) -> _Clause | None:
        """The value of a field whose name was read; None if it is to be read as words."""
        typed = found[1].lower()
        field = field_values.ALIASES.get(typed, typed)
        if field in TEXT_FIELDS:

            def read() -> _Clause | None:
                if self._take(_ANYTHING):
                    return _Clause(Present(field))
                clause = self._text_value(field)
                return clause and clause._replace(plain=False)

        elif reader := field_values.VALUE_READERS.get(field):

            def read() -> _Clause | None:
                begin = self.at
                node, self.at = reader(field, self.text, begin)
                # Of several in parentheses, each is named alone.
                first = begin if "(" in self.text[start:begin] else start
                if isinstance(node, Keyword):
                    self.values.append((node, self._named(first, self.at, UNKNOWN)))
                if node is not None:
                    return _Clause(node)
                if self.at > begin:
                    what = f"is not {field_values.expected(field)}; searched as words"
                    self._notice(first, self.at, what)
                return None

        else:
            if not found[0][-1].isspace():
                value = clauses.WORD.match(self.text, self.at)
                end = value.end() if value else self.at
                meant = field_values.meant_field(typed) if len(self.notices) < _MOST_MEANT else None
                reason = f"{found[1]} is no field{f', {meant} is' if meant else ''}"
                self._notice(start, end, f"{reason}; searched as words")
            return None
        return self._field_group(read) if self.text.startswith("(", self.at) else read()

    def _field_group(self, read: Callable[[], _Clause | None]) -> _Clause | None:
        """`title:(one two)`: all of them; `topic:(one OR two)`: either."""
        if ")" not in self.text[self.at :]:
            return None
        self.at += 1

        def read_one() -> _Clause | None:
            negated = self._negation()
            start = self.at
            clause = read()
            self.at = max(self.at, start + 1)
            return clause and clause._replace(negated=negated)

        return self._closed(_any_of(self._read_clauses(read_one)))

    def _text_value(self, field: str | None) -> _Clause | None:
        phrase = self._take(clauses.PHRASE)
        if phrase is not None and field is None and clauses.ADDRESS.fullmatch(phrase[1].strip()):
            return _Clause(Address(phrase[1].strip()))
        if phrase is not None:
            node = amounts.phrase(phrase[1], int(phrase[2] or 0), field)
            for word in WORD_PATTERN.finditer(phrase[1]):
                begin = phrase.start(1)
                self.words.append(TypedWord(word[0], begin + word.start(), begin + word.end()))
            return None if node is None else _Clause(self._boosted(node))
        found = self._take(clauses.WORD)
        if found is None:  # a quotation mark that never closes, not one after a number
            if field is None and not self.text[: self.at][-1:].isalnum():
                self._notice(self.at, len(self.text), _OPEN)
            self.at += 1
            return None
        return self._word(found[0], found.start(), field)

    def _word(self, text: str, start: int, field: str | None) -> _Clause | None:
        weight = 1.0
        if found := _BOOSTED_WORD.fullmatch(text):
            text, weight = found[1], float(found[2])
        if text in ("*", "*:*"):
            return _Clause(Everything())
        if text[0] == "=" and (exact := clauses.phrase(text[1:], 0, field, weight)):
            return _Clause(exact)
        node: Node | None = clauses.pattern(text, field, weight)
        if node is None and (found := _FUZZY.fullmatch(text)):
            node = self._fuzzy(found, start, field, weight)
        if node is not None:
            return _Clause(node)
        day = text.rstrip(_AFTER_ADDRESS)
        if field is None and clauses.DAY.fullmatch(day) and read_span(day):
            self._notice(start, start + len(day), _DAY + day)
        node = clauses.words(text if self.capitals else text.lower(), field, weight)
        if node is None:
            return None
        self.words.append(TypedWord(text, start, start + len(text)))
        return _Clause(node, plain=True)

    def _fuzzy(
        self, found: re.Match[str], start: int, field: str | None, weight: float
    ) -> Node | None:
        """A word and those near it; a distance other than 1 and 2 is read as the nearer one."""
        if found[2] not in ("", "1", "2") and found[1][-1].isdigit():
            return None  # two numbers
        distance = min(max(round(float(found[2] or 1)), 1), clauses.MAX_FUZZY_DISTANCE)
        node = clauses.fuzzy(found[1], distance, field, weight)
        if node is not None and found[2] not in ("", str(distance)):
            reason = f"is read as ~{distance}: a word may be 1 or 2 slips away"
            self._notice(start, start + found.end(), reason)
        return node

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found


def _size(node: Node) -> int:
    """How many words and other leaves a tree has, as typed."""
    typed = [leaf.parts[0] if isinstance(leaf, Alternatives) else leaf for leaf in leaves(node)]
    return sum(
        len(leaf.words) if isinstance(leaf, Phrase) else not isinstance(leaf, Everything | Fuzzy)
        for leaf in typed
    )


def _all_of(part: list[_Clause]) -> Node:
    node = all_of([clause.node for clause in part if not clause.negated])
    unwanted = [clause.node for clause in part if clause.negated]
    return Without(node, either_of(unwanted)) if unwanted else node


def _any_of(alternatives: list[list[_Clause]]) -> Node | None:
    nodes = [_all_of(part) for part in alternatives if part]
    return either_of(nodes) if nodes else None
