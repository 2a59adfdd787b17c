"""Words of the other languages of an index: *nouveaux* finds *nouveau*, whatever the first is.

The terms of an index are stems of its first language. Of the others, words are found as written.
"""

from __future__ import annotations

from math import inf

from ..query.nodes import Alternatives, Inflected, Node, Word, leaves, with_children
from ..query.parsed import MOST_TYPED, ParsedQuery
from ..ranking import STEM_SHARE
from .words import Lexicon


def with_inflected(parsed: ParsedQuery, dictionary: Lexicon) -> ParsedQuery:
    """A query whose words also find their forms in the other languages, but those in quotes."""
    if not dictionary.language.others or not 0 < len(leaves(parsed.node)) <= MOST_TYPED:
        return parsed
    plain = [_widened(node, dictionary) for node in parsed.plain]
    rest = parsed.rest and _widened(parsed.rest, dictionary)
    return parsed.with_parts(plain, rest)


def _widened(node: Node, dictionary: Lexicon) -> Node:
    if isinstance(node, Alternatives):
        words = [part for part in node.parts if isinstance(part, Word)]
        others = [other for word in words for other in _relatives(word, dictionary)]
        return type(node)(tuple(dict.fromkeys([*node.parts, *others])), node.weight)
    if isinstance(node, Word) and (others := _relatives(node, dictionary)):
        return Inflected((node, *others))
    return with_children(node, lambda child: _widened(child, dictionary))


def _relatives(word: Word, dictionary: Lexicon) -> list[Word]:
    """What else a word finds: each scores as a word with its stem, and as rare as the least."""
    if word.exact or word.acronym:
        return []
    texts = dictionary.relatives.of(word.text)
    weights = {text: dictionary.stem_weight(text) for text in texts}
    known = {text: weight for text, weight in weights.items() if weight}
    least = min([*known.values(), dictionary.stem_weight(word.text) or inf])
    return [
        Word(text, word.field, STEM_SHARE * word.weight * least / weight, exact=True)
        for text, weight in known.items()
    ]
