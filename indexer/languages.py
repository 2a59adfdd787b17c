"""What depends on the language of an index: stems, light forms and function words.

An index has one language for all its texts, English unless its settings say otherwise. Stems
are those of Snowball, function words those of Snowball's lists.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from .analysis import LANGUAGES, fold, stem_of
from .english import FUNCTION_WORDS, light_form

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


class Language(NamedTuple):
    """A language of texts; what it is given are folded words, and what it gives.

    stem_of: the term of a word; light_form: what inflection leaves of it, within a stem's words
    function_words: those that tell little of what is sought
    """

    name: str
    stem_of: Callable[[str], str]
    light_form: Callable[[str], str]
    function_words: frozenset[str]


ENGLISH = Language("english", stem_of, light_form, FUNCTION_WORDS)


def language_name(text: str) -> str | None:
    """The name of a language by name or ISO code, in any case, also `de-AT`; None if unknown."""
    key = text.strip().casefold().replace("_", "-")
    name = _CODES.get(key.partition("-")[0], key)
    return name if name in LANGUAGES else None


@lru_cache(maxsize=64)
def language_of(name: str) -> Language:
    """A language by its name; raises `ValueError` if it is unknown."""
    if name == ENGLISH.name:
        return ENGLISH
    if name not in LANGUAGES:
        raise ValueError(f"{name[:40]!r} is no language of this installation")
    from whoosh.lang.stopwords import stoplists

    codes = [code for code, other in _CODES.items() if other == name]
    words = [word for code in codes for word in stoplists.get(code, ())]
    # Inflection is told from derivation in English alone: elsewhere a word is like itself.
    return Language(name, partial(stem_of, language=name), str, frozenset(map(fold, words)))
