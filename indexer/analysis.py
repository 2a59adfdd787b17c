"""Text → terms, for the index and for queries alike.

Text is cut into words, each word is folded (case, accents, compatibility forms,
apostrophes) and, for searchable text, stemmed. Chinese characters and kana, which
are written without spaces, count as one word each; a query for several of them
becomes a phrase.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from threading import local
from typing import Any, NamedTuple

import Stemmer
from whoosh.analysis import Analyzer, Token

MAX_TERM_LENGTH = 128

#: Han, Hiragana and Katakana. One regular-expression class body.
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_MARK_BLOCKS = (range(0x0300, 0x1E00), range(0x20D0, 0x2100), range(0xA800, 0xAC00))
#: Combining marks that belong to the word they stand in; `\w` leaves them out.
MARKS = "".join(
    chr(code) for block in _MARK_BLOCKS for code in block
    if unicodedata.category(chr(code)).startswith("M")
)  # fmt: skip
_RUN = rf"[^\W_{CJK}]+(?:[{MARKS}]+[^\W_{CJK}]*)*"
# Letters each with a dot, as in U.S.
_INITIALS = r"(?<![^\W_])(?:[^\W\d_]\.)+[^\W\d_](?![^\W_])\.?"
#: Words.
WORD_PATTERN = re.compile(rf"[{CJK}]|{_INITIALS}|{_RUN}(?:['’]{_RUN})*")

# Letters whose base form Unicode does not decompose.
_LETTERS = str.maketrans(
    {
        "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l",
        "þ": "th", "ŧ": "t", "ŋ": "n", "\u2044": None, "’": "'",
    }
)  # fmt: skip
# Accents (Latin, Greek, Cyrillic) and the optional vowel points of Hebrew and Arabic.
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]")


# Lone surrogates, which cannot be encoded. Python uses them for bytes of file names and
# arguments that are not UTF-8 (PEP 383).
_HALVES = re.compile("[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """A text that can be encoded: each lone surrogate becomes U+FFFD."""
    return text if text.isascii() else _HALVES.sub("\ufffd", text)


class Word(NamedTuple):
    """One word of a text: as found, where (`text[start:end]`), and its position."""

    text: str
    position: int
    start: int
    end: int


def iter_words(text: str) -> Iterator[Word]:
    """Cut text into words. Positions count words."""
    for position, match in enumerate(WORD_PATTERN.finditer(text)):
        yield Word(match.group(), position, match.start(), match.end())


@lru_cache(maxsize=1 << 15)
def fold(word: str) -> str:
    """Fold case, accents and compatibility forms; drop a possessive and apostrophes.

    Applies Unicode case folding (The Unicode Standard, 3.13) and normalisation form
    KD, then removes accents. The result is at most `MAX_TERM_LENGTH` characters.
    """
    folded = word.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded).casefold().translate(_LETTERS)
        folded = unicodedata.normalize("NFC", _ACCENTS.sub("", folded))
    if "'" in folded:
        folded = folded.removesuffix("'s").replace("'", "")
    folded = folded.replace(".", "")
    return folded[:MAX_TERM_LENGTH]


_stemmers = local()


def stem_of(form: str) -> str:
    """The stem of a folded word (Snowball English, "Porter 2")."""
    try:
        stemmer = _stemmers.english
    except AttributeError:
        # A stemmer object must not be shared between threads.
        stemmer = _stemmers.english = Stemmer.Stemmer("english", 0)
    return str(stemmer.stemWord(form))


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """Fold a word and reduce it to its stem."""
    return stem_of(fold(word))


def terms_of(text: str) -> list[str]:
    """The stemmed terms of a text in order, positions left out."""
    return [stem(word.text) for word in iter_words(text)]


class WordAnalyzer(Analyzer):  # type: ignore[misc]
    """The Whoosh analyzer over folded words, not stemmed."""

    def term_of(self, word: str) -> str:
        """The term that a word becomes; empty if it becomes none."""
        return fold(word)

    def __call__(
        self,
        value: str,
        positions: bool = False,
        chars: bool = False,
        start_pos: int = 0,
        start_char: int = 0,
        mode: str = "",
        **options: Any,
    ) -> Iterator[Token]:
        """Yield Whoosh tokens; one object, reused, as Whoosh's own analyzers do."""
        token = Token(positions, chars, mode=mode, **options)
        token.boost = 1.0
        token.stopped = False
        for word in iter_words(value):
            token.text = self.term_of(word.text)
            if not token.text:
                continue
            token.pos = start_pos + word.position
            token.startchar = start_char + word.start
            token.endchar = start_char + word.end
            yield token

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


class StemAnalyzer(WordAnalyzer):
    """The Whoosh analyzer for searchable text: folded and stemmed words."""

    def term_of(self, word: str) -> str:
        """The term that a word becomes; empty if it becomes none."""
        return stem(word)

    def has_morph(self) -> bool:
        """Tell Whoosh that terms are not the words as written."""
        return True
