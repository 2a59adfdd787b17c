"""Where the words of a query stand in a text.

Few words of a text are those sought. So texts are not cut into words: clues, with which the
words sought begin, are looked for, and only the pieces between blanks that have one are cut.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias, get_args

from ..analysis import PERCENT, WORD_PATTERN, cut, fold, stem, wildcards
from ..languages import ENGLISH, Language
from ..query.nodes import (
    All,
    Alternatives,
    Compound,
    Either,
    Fuzzy,
    Near,
    Node,
    Pattern,
    Phrase,
    TextNode,
    Without,
    Word,
    alternatives_of,
    words_of,
)

#: A stretch of a text, in characters: where it starts and where it ends.
Span: TypeAlias = tuple[int, int]
#: Whose text it is: a field of the lead, or title or excerpt of a related article.
Place = Literal["title", "excerpt", "body", "related"]

# What stands before a term that is a folded word; one that is a stem has nothing before it.
_WRITTEN = "="
# Where a piece may have words that do not begin as a clue does: at a character beyond ASCII
# that is not mere punctuation, an apostrophe within a word unless `s` follows and ends it, a
# dot between initials, a comma or dot before up to three digits, a hyphen within a word; between
# digits and letters. It begins with all these characters, which rules out most of a text.
_ODD = re.compile(
    r"[^\x00-\x26\x28-\x2b\x2f\x3a-\xa9\xab\u2000-\u200a\u2012-\u2018\u201a-\u205f\u20a0-\u20cf]"
    r"(?:(?<=[^'’.,0-9-])|(?<=[^\W_]['’])(?=[^\W_])(?![sS](?![^\W_]))|(?<=[^\W_]-)(?=[^\W_])"
    r"|(?<=\d[.,])(?=\d{1,3}(?!\d))"
    r"|(?<=(?<![^\W_])[^\W\d_]\.)(?=[^\W\d_](?![^\W_]))"
    r"|(?<=[^\W\d_][0-9])|(?<=[0-9])(?=[^\W\d_]))[^ ]*"
)
_ANY = re.compile("[^ ]+")
_SIGN = "%"
# Longer pieces, such as Chinese sentences, hardly come again; so many others are remembered.
_MAX_REMEMBERED = 48
_MOST_REMEMBERED = 1 << 14
# With more clues than this, fuzzy words have so many, shorter ones are looked for.
_MAX_CLUES = 32


class _Word(NamedTuple):
    """A word that is sought: where it stands, what it is, its position in a piece or text."""

    start: int
    end: int
    bits: int
    number: int


#: A stretch of a text between blanks: how many positions it has, and the words sought.
_Piece: TypeAlias = tuple[int, list[_Word]]
#: A piece in which words are sought, and where it starts and ends in its text.
_Found: TypeAlias = tuple[int, int, int, list[_Word]]
#: A phrase: the bit of each of its words, and how far apart neighbours may be.
_Run: TypeAlias = tuple[list[int], int]


class Marker:
    """Finds in texts what makes a story match a query; safe to share between threads.

    near: the folded words of the index that a fuzzy leaf stands for
    """

    def __init__(
        self, node: Node, near: Callable[[Fuzzy], Iterable[str]], language: Language = ENGLISH
    ) -> None:
        leaves = marked_leaves(node, language)
        self._language = language
        self._bits: dict[str | Node, int] = {}
        self._sought = {place: self._read(leaves, place) for place in get_args(Place)}
        # Every term that is sought and its bits: one for each term typed and each leaf.
        self._terms: dict[str, int] = {}
        self._patterns: list[tuple[Callable[[str], object], int]] = []
        clues = set()
        for key, bit in self._bits.items():
            if isinstance(key, Pattern):
                self._patterns.append((_fitting(key), bit))
                clues.add(re.split("[*?]", key.text, maxsplit=1)[0])
                continue
            forms = near(key) if isinstance(key, Fuzzy) else ()
            for term in (key,) if isinstance(key, str) else [_WRITTEN + form for form in forms]:
                self._terms[term] = self._terms.get(term, 0) | bit
                clues |= {term[1:]} if term.startswith(_WRITTEN) else ENGLISH.beginnings(term)
        if any(map(PERCENT.startswith, clues)):
            clues.add(_SIGN)
        if language.name != ENGLISH.name:
            clues = {""}  # other stemmers may take away what words begin with
        self._pieces: dict[str, _Piece] = {}
        self._odd = _ANY if "" in clues else _ODD
        if len(clues) > _MAX_CLUES:
            clues = {clue[:2] for clue in clues}
        self._clues = [clue for clue in clues if clue and clue.isascii()]

    def spans(self, texts: Sequence[tuple[str, Place]]) -> list[tuple[Span, ...]]:
        """Of each text, in its place, the stretches that are marked, apart and in order.

        The texts of a page are searched as one, which costs a third of searching each.
        """
        joined = " ".join([text for text, _ in texts])
        starts = list(accumulate([len(text) + 1 for text, _ in texts], initial=0))
        found: list[list[_Found]] = [[] for _ in texts]
        number = end = 0
        for place in self._places(joined):
            if place < end:
                continue
            while starts[number + 1] <= place:
                number += 1
            start = joined.rfind(" ", starts[number], place) + 1 or starts[number]
            end = joined.find(" ", place)
            end = len(joined) if end < 0 else end
            size, words = self._piece(joined[start:end])
            if words:
                first = start - starts[number]
                found[number].append((first, first + end - start, size, words))
        return [
            self._marked(text, place, pieces) if pieces else ()
            for (text, place), pieces in zip(texts, found, strict=True)
        ]

    def _marked(self, text: str, place: Place, pieces: list[_Found]) -> tuple[Span, ...]:
        """What is marked of a text in which some pieces have words that are sought."""
        singly, runs = self._sought[place]
        if not runs:
            return merged(
                (start + first, start + last)
                for start, _, _, words in pieces
                for first, last, bits, _ in words
                if bits & singly
            )
        words: list[_Word] = []
        count = counted = 0
        for start, end, size, some in pieces:
            if words:
                between = WORD_PATTERN.findall(text, counted, start)
                count += sum([cut(match).width for match in between])
            for first, last, bits, number in some:
                words.append(_Word(start + first, start + last, bits, count + number))
            count, counted = count + size, end
        spans = [word[:2] for word in words if word[2] & singly]
        for run, reach in runs:
            spans += _phrases(words, run, reach)
        return merged(spans)

    def _piece(self, text: str) -> _Piece:
        """A piece of a text; most come again and are remembered."""
        piece = self._pieces.get(text)
        if piece is None:
            read = _cut if len(text) > _MAX_REMEMBERED else _cut_again
            width, words = read(text, self._language.name)
            sought = [
                _Word(start, end, bits, number)
                for start, end, number, form, root in words
                if (bits := self._bits_of(form, root))
            ]
            piece = width, sought
            if len(text) <= _MAX_REMEMBERED and len(self._pieces) < _MOST_REMEMBERED:
                self._pieces[text] = piece
        return piece

    def _places(self, text: str) -> list[int]:
        """Where words may stand that are sought, in order."""
        places = [match.start() for match in self._odd.finditer(text)]
        # Only this letter becomes two.
        lowered = text.replace("\u0130", "i").lower()
        for clue in self._clues:
            at = lowered.find(clue)
            while at >= 0:
                if clue == _SIGN or not (at and lowered[at - 1].isalnum()):
                    places.append(at)
                at = lowered.find(clue, at + 1)
        return sorted(places)

    def _bits_of(self, form: str, root: str) -> int:
        """What a word is of what is sought, by its folded form and its stem."""
        bits = self._terms.get(root, 0) | self._terms.get(_WRITTEN + form, 0)
        if not self._patterns:
            return bits
        return bits | sum([bit for fits, bit in self._patterns if fits(form)])

    def _read(self, leaves: list[TextNode], place: Place) -> tuple[int, list[_Run]]:
        """What of some leaves is marked in a place: bits of single words, and phrases."""
        singly, runs = 0, []
        for leaf in leaves:
            if leaf.field not in (None, place):
                continue
            for part in alternatives_of(leaf) if isinstance(leaf, Compound) else (leaf,):
                if isinstance(part, Phrase):
                    runs.append(([self._bit_of(word) for word in words_of(part)], part.slop + 1))
                else:
                    singly |= self._bit_of(part)
        return singly, runs

    def _bit_of(self, leaf: TextNode) -> int:
        """The bit of what is no phrase: of a word, that of its term."""
        if not isinstance(leaf, Word):
            return self._bit(leaf)
        return self._bit(_WRITTEN + leaf.text if leaf.exact else self._language.stem_of(leaf.text))

    def _bit(self, key: str | Node) -> int:
        return self._bits.setdefault(key, 1 << len(self._bits))


def _cut(text: str, language: str) -> tuple[int, list[tuple[int, int, int, str, str]]]:
    """How many positions a piece has, and start, end, position, form and stem of its words."""
    position, found = 0, []
    for match in WORD_PATTERN.finditer(text):
        base, (words, width, *_) = match.start(), cut(match.group())
        for start, end, offset in words:
            word = text[base + start : base + end]
            found.append(
                (base + start, base + end, position + offset, fold(word), stem(word, language))
            )
        position += width
    return position, found


# Whatever is searched, odd pieces such as initials and possessives come again in every text.
_cut_again = lru_cache(_MOST_REMEMBERED)(_cut)


def marked_leaves(node: Node, language: Language = ENGLISH) -> list[TextNode]:
    """The leaves of a tree whose words are marked: not the unwanted ones.

    Function words are left out where there is anything else.
    """
    leaves = list(_wanted(node))
    return [leaf for leaf in leaves if not _is_function_word(leaf, language)] or leaves


def _wanted(node: Node) -> Iterator[TextNode]:
    if isinstance(node, Without):
        yield from _wanted(node.wanted)
    elif isinstance(node, All | Either | Alternatives):
        for part in node.parts:
            yield from _wanted(part)
    elif isinstance(node, Near):
        yield from (*_wanted(node.left), *_wanted(node.right))
    elif isinstance(node, TextNode):
        yield node


def _is_function_word(leaf: TextNode, language: Language) -> bool:
    if not isinstance(leaf, Word) or leaf.field or leaf.exact or leaf.acronym:
        return False
    return leaf.text in language.function_words


def _fitting(pattern: Pattern) -> Callable[[str], object]:
    """Whether a folded word fits a pattern; what it says is true or not."""
    if pattern.prefix is not None:
        begin = pattern.prefix
        return lambda word: word.startswith(begin)
    return wildcards(pattern.text).match


def _phrases(words: list[_Word], bits: list[int], reach: int) -> list[Span]:
    """From the first to the last word of each phrase; for every last one the nearest first."""
    # The words with which phrases end so far, and where these phrases start.
    lasts = [word for word in words if word.bits & bits[0]]
    starts = [word.start for word in lasts]
    for bit in bits[1:]:
        ends, joined = [word.number for word in lasts], []
        for word in words:
            if word.bits & bit:
                nearest = bisect_left(ends, word.number) - 1
                if nearest >= 0 and word.number - ends[nearest] <= reach:
                    joined.append((word, starts[nearest]))
        lasts, starts = [word for word, _ in joined], [start for _, start in joined]
    return [(start, word.end) for start, word in zip(starts, lasts, strict=True)]


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch made one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return tuple(result)
