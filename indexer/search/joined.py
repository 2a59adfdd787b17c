"""Words typed apart that are written together: `wi fi` finds WiFi as well."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeGuard

from ..query.nodes import Alternatives, Plain, Word
from ..query.parsed import ParsedQuery
from .words import Lexicon

#: Longer texts are pasted, and their words are apart as they should be.
_MOST_WORDS = 12
#: What the word written together counts, for each of those typed.
_WEIGHT = 0.8


def with_joined(parsed: ParsedQuery, dictionary: Lexicon) -> ParsedQuery:
    """A query in which two neighbours also stand for the word that they are together.

    Where that word is as frequent as the rarer of the two: `news paper`, but not `new port`.
    """
    plain = list(parsed.plain)
    if not 1 < len(plain) <= _MOST_WORDS:
        return parsed
    typed = [node.text for node in plain if isinstance(node, Word)]
    dictionary.fetch([*typed, *map("".join, pairwise(typed))])
    for at, (one, other) in enumerate(pairwise(parsed.plain)):
        if _is_plain(one, dictionary) and _is_plain(other, dictionary):
            text = one.text + other.text
            rows = dictionary.frequency(text)
            if rows and rows >= min(map(dictionary.frequency, (one.text, other.text))):
                whole = Word(text, weight=_WEIGHT)
                for place in (at, at + 1):
                    node = plain[place]
                    parts = node.parts if isinstance(node, Alternatives) else (node,)
                    plain[place] = Alternatives((*parts, whole))
    return parsed if tuple(plain) == parsed.plain else parsed.with_parts(plain, parsed.rest)


def _is_plain(node: Plain, dictionary: Lexicon) -> TypeGuard[Word]:
    return (
        isinstance(node, Word)
        and node.weight == 1
        and not (node.field or node.exact or node.acronym)
        and node.text.isalpha()
        and node.text not in dictionary.language.function_words
    )
