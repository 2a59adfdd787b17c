"""Text → terms, for the index and for queries alike.

Text is cut into words, each word is folded (case, accents, compatibility forms,
apostrophes) and, for searchable text, stemmed.

- Scripts without blanks (Chinese, Japanese, Thai, Lao, Khmer, Burmese), and Korean, whose
  particles cling to words, are cut into characters; a query for several becomes a phrase.
- What is joined by a hyphen, or of letters and digits, is found in parts and as a whole:
  COVID-19 and covid19 both have the words covid, 19 and covid19.
- An elided article hides no name: L'Oréal has the words oreal and loreal.
- A decimal number is one: 4.5 has the words 4 and 4.5, so that it is not found as 5. The sign
  after 10% is the word percent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fnmatch import translate
from functools import lru_cache
from threading import local
from typing import Any, NamedTuple

import Stemmer
from whoosh.analysis import Analyzer, Token

from .variants import main_form

MAX_TERM_LENGTH = 128
#: The word that the sign of it is.
PERCENT = "percent"

#: Han, Hiragana and Katakana. One regular-expression class body, like those below.
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af"
#: What is cut into characters: these, Thai, Lao, Burmese, Khmer and Hangul.
UNSPACED = CJK + "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\uac00-\ud7af"
_MARK_BLOCKS = (range(0x0300, 0x1E00), range(0x20D0, 0x2100), range(0xA800, 0xAC00))
#: Combining marks that belong to the word they stand in; `\w` leaves them out.
MARKS = "".join(
    chr(code) for block in _MARK_BLOCKS for code in block
    if unicodedata.category(chr(code)).startswith("M")
)  # fmt: skip
# Voicing marks of kana, which follow what they belong to.
_VOICING = "\u3099\u309a\uff9e\uff9f"
# Soft hyphens, joiners and directions: nobody sees them.
_UNSEEN = "\u00ad\u061c\u200b-\u200f\u2060-\u2064\ufeff"
_RUN = rf"[^\W_{UNSPACED}]+(?:[{MARKS}{_UNSEEN}]+[^\W_{UNSPACED}]*)*"
# Letters each with a dot, as in U.S.
_INITIALS = r"(?<![^\W_])(?:[^\W\d_]\.)+[^\W\d_](?![^\W_])\.?"
_APOSTROPHES = "'’ʼ＇"
_HYPHENS = r"\-\u2010\u2011"
# The point of a decimal number: dates have two of them.
_POINT = r"(?<=\d)(?<![.,]\d)(?<![.,]\d\d)[.,](?=\d\d?(?!\d|[.,]\d))"
# What joins parts of a word; a comma or a dot does before three digits.
_JOINT = rf"(?:[{_APOSTROPHES}{_HYPHENS}]|(?<=\d)[.,](?=\d\d\d(?!\d))|{_POINT})"
# After a number, be it with a blank between, as in French and German, where it may end a clause.
# Of words, those of a script without blanks may follow.
_BLANK = r"\s\x00-\x20"
_PERCENT = (
    rf"(?:(?<=\d)|(?<![^{_BLANK}])(?=.[^\w%{_BLANK}]{{,3}}(?![^{_BLANK}])))"
    rf"[%\uff05](?![^\W{UNSPACED}])"
)
_PICTURE = "[\U0001f000-\U0001faff\u2600-\u27bf]"
_PICTURES = rf"{_PICTURE}(?:[\ufe0f\U0001f3fb-\U0001f3ff]|\u200d{_PICTURE})*"
#: Words, with all that is joined to them, up to eight parts.
WORD_PATTERN = re.compile(
    rf"{_INITIALS}|{_RUN}(?:{_JOINT}{_RUN}){{,7}}(?:(?:\+\+|\#)(?!\w))?"
    rf"|[{UNSPACED}][{MARKS}{_VOICING}{_UNSEEN}]*|(?<![\w.])\.(?i:net)(?!\w)|{_PICTURES}|{_PERCENT}"
)

# Letters whose base form Unicode does not decompose, or that stand for each other (the Arabic,
# and the Persian, forms of y and k; the Arabic t at a word's end and h); what is dropped from
# words.
_LETTERS = str.maketrans(
    {
        "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l",
        "þ": "th", "ŧ": "t", "ŋ": "n", "\u2044": None, "ة": "ه", "ى": "ي", "ی": "ي", "ک": "ك",
        **dict.fromkeys(_APOSTROPHES, "'"),
        **dict.fromkeys("\u2010\u2011", "-"), "\u0640": None, "\ufe0f": None,
        **dict.fromkeys(map(chr, (0xAD, 0x61C, 0xFEFF, *range(0x200B, 0x2010),
                                  *range(0x2060, 0x2065), *range(0x1F3FB, 0x1F400)))),
    }
)  # fmt: skip
# Accents (Latin, Greek, Cyrillic, whose short i is a letter) and the optional vowel points of
# Hebrew and Arabic.
_ACCENTS = re.compile(
    "(?<!\u0438)\u0306|[\u0300-\u0305\u0307-\u036f\u0591-\u05c7\u064b-\u065f\u0670]"
)
_DROPPED = str.maketrans("", "", "-.,'")
_DECIMAL = re.compile(_POINT)

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


class Cut(NamedTuple):
    """A match of `WORD_PATTERN` cut into words.

    words: each as (where it starts and ends, its position from 0)
    width: how many positions they take
    parts: the folded words that a query for it has, one for each position
    joined: the folded word that stands for all parts together, if there is one; the last part
        of a decimal number does
    """

    words: tuple[tuple[int, int, int], ...]
    width: int
    parts: tuple[str, ...]
    joined: str | None = None


# One word alone: neither joined to another nor of letters and digits.
_SIMPLE = re.compile(rf"(?:[^\W\d_]+|\d+)(?:[{_APOSTROPHES}][sS])?")
_PIECE = re.compile(rf"[^{_HYPHENS}]+")
_PART = re.compile(rf"\d[\d.,{_APOSTROPHES}]*|[^\d]+")
# Of letters and digits in more parts than this, as in keys, only the whole is a word.
_MOST_PARTS = 4
# Articles and prefixes that are elided: French, Italian, and the Irish O'.
_ELIDED = re.compile(
    rf"(?:[ldjmtnsco]|(?:jus|lors|puis|quoi)?qu|(?:d|n|s|c)?(?:al|el|ol|ul)l|un|quest)"
    rf"[{_APOSTROPHES}](?=[^\W\d_]{{2}})",
    re.IGNORECASE,
)


def cut(found: str) -> Cut:
    """Cut a match of `WORD_PATTERN` into its words."""
    if found.isalpha() or found.isdecimal():  # most are
        return Cut(((0, len(found), 0),), 1, (fold(found),))
    return _remembered(found) if len(found) < MAX_TERM_LENGTH else _cut(found)


def _cut(found: str) -> Cut:
    if _SIMPLE.fullmatch(found) or (found[1:2] == "." and found[0].isalpha()):
        return Cut(((0, len(found), 0),), 1, (fold(found),))
    first, _, second = found.partition("-")
    if first.isalpha() and second.isalpha():  # the rules below, for most of what is joined
        at, end = len(first), len(found)
        spans = ((0, at, 0), (at + 1, end, 1), (0, end, 1))
        return Cut(spans, 2, (fold(first), fold(second)), fold(found))
    words: list[tuple[int, int, int]] = []
    parts: list[str] = []
    pieces = [piece.span() for piece in _PIECE.finditer(found)]
    before = None
    for start, end in pieces:
        parts += _cut_piece(words, found, start, end, len(parts))
        if before is not None and _has_letters(found[before:end]):
            words.append((before, end, len(parts) - 1))
        before = start
    joined = len(parts) > 1 and len(pieces) <= 2 and _has_letters(found)
    joined = joined or (len(parts) == 2 and "." in parts[1])
    folded = tuple(parts)
    return Cut(tuple(words), len(folded), folded, fold(found) if joined else None)


def _cut_piece(
    words: list[tuple[int, int, int]], found: str, start: int, end: int, position: int
) -> list[str]:
    """Add the words of what no hyphen parts; returns those that a query for it has."""
    piece = found[start:end]
    if elided := _ELIDED.match(piece):
        name = start + elided.end()
        words += [(name, end, position), (start, end, position)]
        return [fold(piece if piece[0] in "oO" else found[name:end])]
    if piece[-1] in "+#" or piece[0] == ".":
        letters = piece.strip("+#.")
        if len(letters) > 1:
            at = start + piece.index(letters)
            words.append((at, at + len(letters), position))
        words.append((start, end, position))
        return [fold(piece)]
    spans = _spans(found, start, end)
    if not 1 < len(spans) <= _MOST_PARTS:
        words.append((start, end, position))
        return [fold(piece)]
    words += [(*span, position + number) for number, span in enumerate(spans)]
    if spans[-1] != (start, end):
        words.append((start, end, position + len(spans) - 1))
    return [fold(found[slice(*span)]) for span in spans]


def _spans(found: str, start: int, end: int) -> list[tuple[int, int]]:
    """Letters and numbers; before a decimal number what is before its point."""
    spans = []
    for part in _PART.finditer(found, start, end):
        point = _DECIMAL.search(found, *part.span())
        spans += [(part.start(), point.start())] if point else []
        spans.append(part.span())
    return spans


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, text))


_remembered = lru_cache(maxsize=1 << 15)(_cut)


def iter_words(text: str) -> Iterator[Word]:
    """Cut text into words: parts and wholes of what is joined.

    Positions do not fall; the parts of a text that follow each other have those that do.
    """
    position = 0
    for match in WORD_PATTERN.finditer(text):
        found, words, width = match.group(), *cut(match.group())[:2]
        base = match.start()
        for start, end, offset in words:
            yield Word(found[start:end], position + offset, base + start, base + end)
        position += width


#: Longer words in capitals are shouted.
_LONGEST_ACRONYM = 5


def is_acronym(word: str) -> bool:
    """Whether a word is written as acronyms are: WHO, U.S., WHO's."""
    if word[-1:] in "sS" and word[-2:-1] in _APOSTROPHES:
        word = word[:-2]
    return word.isupper() and 2 <= sum(map(str.isalpha, word)) <= _LONGEST_ACRONYM


def forms_of(text: str) -> list[str]:
    """The folded words of a text one after the other, without those that join others."""
    found = [part for match in WORD_PATTERN.findall(text) for part in cut(match).parts]
    return [form for form in found if form]


def wildcards(pattern: str) -> re.Pattern[str]:
    """What fits a pattern in full: `*` stands for any characters, `?` for one.

    Python writes it so that what has been matched is never given up again. A bracket means itself.
    """
    return re.compile(translate(pattern.replace("[", "[[]")))


#: A character may have thirty accents, and one stands for eighteen others.
_READ = 32 * MAX_TERM_LENGTH


@lru_cache(maxsize=1 << 15)
def fold(word: str) -> str:
    """Fold case, accents and compatibility forms; drop a possessive, and what joins parts.

    Applies Unicode case folding (The Unicode Standard, 3.13) and normalisation form
    KD, then removes accents and what is not seen. The result is at most
    `MAX_TERM_LENGTH` characters; more than `_READ` of a word are not looked at.
    """
    folded = word[:_READ].casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded).casefold().translate(_LETTERS)
        folded = unicodedata.normalize("NFC", _ACCENTS.sub("", folded))
    if not folded.isalnum() and folded != ".net":
        if folded == "%":
            return PERCENT
        # 2,000 is 2000, and 1,234.5 is 1234.5.
        parts = _DECIMAL.split(folded.removesuffix("'s"))
        folded = ".".join([part.translate(_DROPPED) for part in parts])
    return folded[:MAX_TERM_LENGTH]


def is_number(form: str) -> bool:
    """Whether a folded word is a number."""
    return form.replace(".", "", 1).isdecimal()


# Other stemmers of English and Dutch; English comes first.
_NO_LANGUAGES = ("english", "porter", "lovins", "dutch_porter", "kraaij_pohlmann")
_stemmers = local()
#: The languages that words can be stemmed by; the first is that of an index if nothing is said.
LANGUAGES = ("english", *(name for name in Stemmer.algorithms() if name not in _NO_LANGUAGES))


def stem_of(form: str, language: str = LANGUAGES[0]) -> str:
    """The stem of a folded word, by Snowball (of English, "Porter 2", of its main form)."""
    if language == LANGUAGES[0]:
        form = main_form(form)
    try:
        stemmer = getattr(_stemmers, language)
    except AttributeError:
        # A stemmer object must not be shared between threads.
        stemmer = Stemmer.Stemmer(language, 0)
        setattr(_stemmers, language, stemmer)
    return str(stemmer.stemWord(form))


@lru_cache(maxsize=1 << 15)
def stem(word: str, language: str = LANGUAGES[0]) -> str:
    """Fold a word and reduce it to its stem."""
    return stem_of(fold(word), language)


class StemAnalyzer(Analyzer):  # type: ignore[misc]
    """The Whoosh analyzer for searchable text: folded and stemmed words."""

    def __init__(self, language: str = LANGUAGES[0]) -> None:
        self.language = language

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
            token.text = stem(word.text, self.language)
            if not token.text:
                continue
            token.pos = start_pos + word.position
            token.startchar = start_char + word.start
            token.endchar = start_char + word.end
            yield token

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def has_morph(self) -> bool:
        """Tell Whoosh that terms are not the words as written."""
        return True
