"""What a person typed → a tree of nodes.

    query   = clause { [ "AND" ] clause | "OR" clause }        OR binds least
    clause  = [ "NOT" | "-" ] ( "(" query ")" | [ field ":" ] value ) [ "^" number ]
    value   = word | '"' words '"' [ "~" number ] | pattern | word "~" [ number ]
            | "[" from "TO" to "]" | comparison

Only passing a limit is an error. What cannot be read as syntax is searched as words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ..analysis import CJK
from ..errors import QueryError
from ..schema import TEXT_FIELDS
from . import clauses
from .nodes import All, Everything, Node, Phrase, Without, Word, all_of, either_of, ranks, scaled

MAX_CHARACTERS = 4096
MAX_CLAUSES = 256
#: Deeper parentheses are read as punctuation.
MAX_DEPTH = 32

# Words without any sign of syntax; each may still be an operator. A word may end in "?".
_PLAIN = r"""\w[^\s()"“”„«»*?~^:]*\??"""
_PLAIN_TEXT = re.compile(rf"\s*{_PLAIN}(?:\s+{_PLAIN})*\s*")
_OPERATORS = frozenset(("AND", "OR", "NOT"))

_SPACE = re.compile(r"\s*")
_FIELD = re.compile(r"([A-Za-z_]+):(?=[^\s)])")
_BOOST = re.compile(r"\^(\d{1,3}(?:\.\d{1,3})?)(?=[\s)]|$)")
_BOOSTED_WORD = re.compile(r"(.+)\^(\d{1,3}(?:\.\d{1,3})?)")
_FUZZY = re.compile(r"(.+)~([12]?)")
# An operator, and what it needs after it.
_OPERATOR = re.compile(r"(AND|OR|NOT)(?=[\s(])(?=\s*[^\s)])")
_MINUS = re.compile(r'-(?=[\w("])')
_ANY_OPERATOR = re.compile(r"\b(?:AND|OR|NOT)\b")
#: In a longer text that is all in capitals, AND, OR and NOT are words.
_MOST_SHOUTED = 5
#: The fewest words, beside those in quotes, of a text that is read as prose.
_FEWEST_OF_PROSE = 10
# What people write to search and not to be read: operators, signs at the ends of words.
_MEANT = re.compile(r"\b(?:AND|OR|NOT)\b|(?<!\S)-\w|(?<!\S)[*?]+\w|\w(?:[*~]|\^\d)(?!\w)|\w[*?]\w")
_QUOTED = re.compile(r'"[^"]*"')
_PROSE_WORD = re.compile(r"""[^\s()"]+""")
_FIELD_NAMES = frozenset((*TEXT_FIELDS, *clauses.VALUE_READERS))
_UNSPACED = re.compile(f"[{CJK}]")
_QUOTES = str.maketrans("“”„«»", '"""""')


class TypedWord(msgspec.Struct, frozen=True, gc=False):
    """A plain word of the query and where it stands: `query[start:end]`."""

    text: str
    start: int
    end: int


class ParsedQuery(NamedTuple):
    """A query read.

    `node` selects the stories that have all that was asked for: `plain` and `rest`. `plain`
    are the words, as typed, that may be left out where too few stories have all of them;
    `rest` must hold always, and is None if there is nothing else. `scored` is false if no
    part of the query ranks stories. `words` are the plain words, for spelling, wherever
    they stand.
    """

    node: Node
    plain: tuple[Word | Phrase, ...]
    rest: Node | None
    scored: bool
    words: tuple[TypedWord, ...]


class _Clause(NamedTuple):
    node: Node
    plain: bool = False  # a word typed with nothing that makes it necessary
    negated: bool = False


def parse(text: str) -> ParsedQuery:
    """Read a query; raises `QueryError` past 4,096 characters or 256 clauses."""
    if len(text) > MAX_CHARACTERS:
        raise QueryError("q", f"{len(text):,} characters; at most {MAX_CHARACTERS:,} are searched")
    if _is_shouted(text):
        parsed = _parse(_ANY_OPERATOR.sub(lambda found: found[0].lower(), text))
        words = [
            TypedWord(text[word.start : word.end], word.start, word.end) for word in parsed.words
        ]
        return parsed._replace(words=tuple(words))
    return _parse(text)


def _parse(text: str) -> ParsedQuery:
    if _PLAIN_TEXT.fullmatch(text) is not None:
        parsed = _parse_plain(text)
        if parsed is not None:
            return parsed
    text = text if text.isascii() else text.translate(_QUOTES)
    if _is_prose(text):
        return _parse_prose(text)
    return _Parser(text).parse()


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
    if len(outside.split()) < _FEWEST_OF_PROSE or _MEANT.search(outside):
        return False
    return not any(found[1].lower() in _FIELD_NAMES for found in _FIELD.finditer(outside))


def _parse_prose(text: str) -> ParsedQuery:
    """Read all as plain words: parentheses and quotes are punctuation."""
    words = [TypedWord(found[0], *found.span()) for found in _PROSE_WORD.finditer(text)]
    nodes = [node for word in words if (node := clauses.words(word.text)) is not None]
    if len(nodes) > MAX_CLAUSES:
        raise _too_many()
    plain = tuple([word for node in nodes for word in _spread(node)])
    return ParsedQuery(all_of(list(plain)), plain, None, bool(plain), tuple(words))


def _too_many() -> QueryError:
    return QueryError("q", f"more than {MAX_CLAUSES} words and clauses: search for fewer")


def _spread(node: Node) -> list[Word | Phrase]:
    """The words of a plain clause, each for itself.

    Words joined by a sign, as in wi-fi, are sought apart. A run of characters of a script
    without blanks stays a phrase, since each of them alone tells little.
    """
    if isinstance(node, All):
        return [word for part in node.parts for word in _spread(part)]
    if isinstance(node, Phrase) and _UNSPACED.search("".join(node.words)) is None:
        return [Word(text, node.field, node.weight) for text in node.words]
    return [node] if isinstance(node, Word | Phrase) else []


def _parse_plain(text: str) -> ParsedQuery | None:
    """Like `_Parser`, for plain words only: a short cut. None if one may be an operator."""
    pieces = text.split()
    nodes = tuple(map(clauses.words, pieces))
    if len(pieces) > MAX_CLAUSES or not _OPERATORS.isdisjoint(pieces):
        return None
    if None in nodes:
        return None
    plain = tuple([word for node in nodes if node is not None for word in _spread(node)])
    words, end = [], 0
    for piece in pieces:
        start = text.index(piece, end)
        end = start + len(piece)
        words.append(TypedWord(piece, start, end))
    return ParsedQuery(plain[0] if len(plain) == 1 else All(plain), plain, None, True, tuple(words))


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
        node = _any_of(alternatives) or Everything()
        plain: list[Word | Phrase] = []
        held: list[_Clause] = []
        for clause in alternatives[0] if len(alternatives) == 1 else ():
            if clause.plain:
                plain += _spread(clause.node)
            else:
                held.append(clause)
        rest = _all_of(held) if plain else node
        if plain:
            node = all_of([*plain, rest])
        return ParsedQuery(
            node=node,
            plain=tuple(plain),
            rest=None if isinstance(rest, Everything) else rest,
            scored=ranks(node),
            words=tuple(self.words),
        )

    def _alternatives(self) -> list[list[_Clause]]:
        """Read to the end or to a closing parenthesis, which is left unread."""
        return self._read_clauses(self._clause)

    def _read_clauses(self, read: Callable[[], _Clause | None]) -> list[list[_Clause]]:
        """Clauses, each read by a function, with operators between them."""
        parts: list[list[_Clause]] = [[]]
        held = False
        while True:
            self._take(_SPACE)
            if self.at >= len(self.text) or self.text[self.at] == ")":
                return [part for part in parts if part] or [[]]
            operator = self._operator() if parts[-1] else None
            if operator == "OR":
                parts.append([])
            elif operator == "AND":
                parts[-1][-1] = parts[-1][-1]._replace(plain=False)
                held = True
            else:
                clause = read()
                if clause is not None:
                    parts[-1].append(clause._replace(plain=False) if held else clause)
                    held = False

    def _operator(self) -> str | None:
        """Consume AND or OR, which stands between two clauses; elsewhere these are words."""
        found = _OPERATOR.match(self.text, self.at)
        if found is None or found[1] == "NOT":
            return None
        self.at = found.end()
        return found[1]

    def _clause(self) -> _Clause | None:
        start = self.at
        negated = self._negation()
        signs = self.at > start
        clause = self._group() if self.text.startswith("(", self.at) else self._value()
        if clause is None:
            return None
        return _Clause(clause.node, clause.plain and not signs, negated)

    def _negation(self) -> bool:
        """Consume signs of negation; whether their number is odd."""
        negated = False
        while True:
            found = _OPERATOR.match(self.text, self.at)
            if found is not None and found[1] == "NOT":
                self.at = found.end()
                self._take(_SPACE)
            elif self._take(_MINUS) is None:
                return negated
            negated = not negated

    def _group(self) -> _Clause | None:
        self.at += 1
        if self.depth >= MAX_DEPTH:
            return None
        self.depth += 1
        alternatives = self._alternatives()
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
        start = self.at
        found = self._take(_FIELD)
        if found is not None:
            clause = self._field_value(found[1].lower())
            if clause is not None:
                self._count()
                return clause
            self.at = start
        clause = self._text_value(None)
        if clause is not None:
            self._count()
        return clause

    def _count(self) -> None:
        self.count += 1
        if self.count > MAX_CLAUSES:
            raise _too_many()

    def _field_value(self, field: str) -> _Clause | None:
        if field in TEXT_FIELDS:

            def read() -> _Clause | None:
                clause = self._text_value(field)
                return clause and clause._replace(plain=False)

        elif reader := clauses.VALUE_READERS.get(field):

            def read() -> _Clause | None:
                node, self.at = reader(field, self.text, self.at)
                return None if node is None else _Clause(node)

        else:
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
            if clause is not None:
                self._count()
                clause = clause._replace(negated=negated)
            return clause

        return self._closed(_any_of(self._read_clauses(read_one)))

    def _text_value(self, field: str | None) -> _Clause | None:
        phrase = self._take(clauses.PHRASE)
        if phrase is not None:
            node = clauses.words(phrase[1], field, slop=int(phrase[2] or 0))
            return None if node is None else _Clause(self._boosted(node))
        found = self._take(clauses.WORD)
        if found is None:  # a quotation mark that never closes
            self.at += 1
            return None
        return self._word(found[0], found.start(), field)

    def _word(self, text: str, start: int, field: str | None) -> _Clause | None:
        weight = 1.0
        if found := _BOOSTED_WORD.fullmatch(text):
            text, weight = found[1], float(found[2])
        if text == "*":
            return _Clause(Everything())
        node: Node | None = clauses.pattern(text, field, weight)
        if node is None and (found := _FUZZY.fullmatch(text)):
            node = clauses.fuzzy(found[1], int(found[2] or 1), field, weight)
        if node is not None:
            return _Clause(node)
        node = clauses.words(text, field, weight)
        if node is None:
            return None
        self.words.append(TypedWord(text, start, start + len(text)))
        return _Clause(node, plain=True)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found


def _all_of(part: list[_Clause]) -> Node:
    node = all_of([clause.node for clause in part if not clause.negated])
    unwanted = [clause.node for clause in part if clause.negated]
    return Without(node, either_of(unwanted)) if unwanted else node


def _any_of(alternatives: list[list[_Clause]]) -> Node | None:
    nodes = [_all_of(part) for part in alternatives if part]
    return either_of(nodes) if nodes else None
