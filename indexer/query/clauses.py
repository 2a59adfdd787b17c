"""One clause of a query → a node: words, patterns and near spellings.

Words are folded here, and not stemmed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from ..analysis import (
    MAX_TERM_LENGTH,
    PERCENT,
    UNSPACED,
    WORD_PATTERN,
    cut,
    fold,
    forms_of,
    is_acronym,
    is_number,
)
from ..schema import POSITION_GAP
from .nodes import (
    Compound,
    Either,
    Fuzzy,
    Node,
    Pattern,
    Phrase,
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
#: Operators that are words; where they are none, they are no acronyms either.
OPERATORS = frozenset(("AND", "OR", "NOT"))
_SIGNS = OPERATORS | {"TO"}
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
        percent = one[-1:].isdecimal() and fold(other) == PERCENT
        return percent or bool(_UNSPACED.match(one) and _UNSPACED.match(other))
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
    whole = cuts[0].joined if len(words) == 1 else None
    if signs:  # these may be left out: `A/C` is AC, `40°C` 40C
        degrees = signs in _DEGREE_SIGNS and parts[-2] == fold(words[0])
        optional = degrees or (signs == "/" and all(map(str.isalpha, parts)))
        whole = "".join(parts[-2:] if degrees else parts) if optional else None
    if whole is not None and whole == parts[-1]:
        return [Word(whole, field, weight)]
    if len(parts) > 1 and whole is not None:
        return [Compound(whole, parts, field, weight)]
    if len(parts) > 1 and (signs or len(words) > 1 or all(map(is_number, parts))):
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
