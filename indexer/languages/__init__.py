"""What depends on the language of an index: stems, light forms and function words.

An index has one language for all its texts, English unless its settings say otherwise: its
terms are stems of that language. It may have others, in which words are looked for as well.
Stems are those of Snowball, function words those of Snowball's lists.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import lru_cache, partial
from typing import NamedTuple

from ..analysis import LANGUAGES, fold, stem_of
from .english import COMMON_WORDS, FUNCTION_WORDS, beginnings, light_form

#: ISO 639-1 → names of languages.
_CODES = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque",
    "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "st": "sesotho", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


#: How many languages an index may have.
MOST_LANGUAGES = 5
#: What may stand before a word and is no part of its stem, the longest first: the article of
#: Arabic, also behind "and", "with", "as" and "for".
_PREFIXES = {
    "arabic": (
        "\u0648\u0628\u0627\u0644", "\u0648\u0643\u0627\u0644", "\u0628\u0627\u0644",
        "\u0643\u0627\u0644", "\u0648\u0644\u0644", "\u0627\u0644", "\u0644\u0644", "",
    ),
}  # fmt: skip


def _no_others(stem: str) -> AbstractSet[str]:
    return frozenset()


class Language(NamedTuple):
    """The language of an index. All words that it takes and gives are folded.

    stem_of: the term of a word
    light_form: a word without its inflection; to be compared among words of one stem only
    function_words: words that tell little of what is sought, in any language of the index
    others: the other languages of the index
    prefixes: what may stand before a word that is no part of its stem, the longest first
    beginnings: what words with a stem may begin with, where it is not told by the stem
    """

    name: str
    stem_of: Callable[[str], str]
    light_form: Callable[[str], str]
    function_words: frozenset[str]
    others: tuple[Language, ...] = ()
    prefixes: tuple[str, ...] = ("",)
    beginnings: Callable[[str], AbstractSet[str]] = _no_others

    @property
    def names(self) -> str:
        """What the languages of the index are called, this one first; see `language_of`."""
        return ", ".join([self.name, *(other.name for other in self.others)])

    def telling(self, number: int) -> tuple[frozenset[str], frozenset[str]]:
        """The function words of this language that another one has not, and the reverse.

        They tell in which of both a text is; there are none if either has no list of them.
        """
        own, theirs = _language(self.name).function_words, self.others[number].function_words
        if not own or not theirs:
            return frozenset(), frozenset()
        return own - theirs - COMMON_WORDS, theirs - own - COMMON_WORDS


ENGLISH = Language("english", stem_of, light_form, FUNCTION_WORDS, beginnings=beginnings)


def language_name(text: str) -> str | None:
    """The name of a language by name or ISO code, in any case, also `de-AT`; None if unknown."""
    key = text.strip().casefold().replace("_", "-")
    name = _CODES.get(key.partition("-")[0], key)
    return name if name in LANGUAGES else None


@lru_cache(maxsize=64)
def language_of(names: str) -> Language:
    """A language by its name, or several, with commas between.

    Raises `ValueError` for one that is unknown, and for too many.
    """
    first, *others = map(_language, names.split(", ", MOST_LANGUAGES))
    if len(others) >= MOST_LANGUAGES:
        raise ValueError(f"{names[:40]!r} are more than {MOST_LANGUAGES} languages")
    words = first.function_words.union(*(other.function_words for other in others))
    return first._replace(function_words=words, others=tuple(others)) if others else first


def _language(name: str) -> Language:
    if name == ENGLISH.name:
        return ENGLISH
    if name not in LANGUAGES:
        raise ValueError(f"{name[:40]!r} is no language of this installation")
    from whoosh.lang.stopwords import stoplists

    codes = [code for code, other in _CODES.items() if other == name]
    words = [word for code in codes for word in stoplists.get(code, ())]
    # Inflection is told from derivation in English alone: elsewhere a word is like itself.
    stem, prefixes = partial(stem_of, language=name), _PREFIXES.get(name, ("",))
    return Language(name, stem, str, frozenset(map(fold, words)), prefixes=prefixes)
