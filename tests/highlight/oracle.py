"""Where the words of a query stand in a text, found slowly: every word is compared."""

from __future__ import annotations

from fnmatch import fnmatchcase

from indexer.analysis import fold, iter_words, stem, stem_of
from indexer.languages.english import FUNCTION_WORDS
from indexer.query.nodes import (
    All,
    Compound,
    Either,
    Fuzzy,
    Near,
    Pattern,
    Phrase,
    TextNode,
    Without,
    Word,
)


def spans_of(node, near, text, place):
    """The stretches that `Marker.spans` should find."""
    words = list(iter_words(text))
    marked = set()
    wanted = _wanted(node)
    telling = [leaf for leaf in wanted if not _silent(leaf)] or wanted
    for leaf in telling:
        if leaf.field in (None, place):
            for first, last in _runs(leaf, near, words):
                marked.update(range(words[first].start, words[last].end))
    starts = sorted(at for at in marked if at - 1 not in marked)
    ends = sorted(at + 1 for at in marked if at + 1 not in marked)
    return list(zip(starts, ends, strict=True))


def _wanted(node):
    if isinstance(node, Without):
        return _wanted(node.wanted)
    if isinstance(node, All | Either):
        return [leaf for part in node.parts for leaf in _wanted(part)]
    if isinstance(node, Near):
        return [node.left, node.right]
    return [node] if isinstance(node, TextNode) else []


def _silent(leaf):
    return leaf == Word(getattr(leaf, "text", "")) and leaf.text in FUNCTION_WORDS


def _runs(leaf, near, words):
    if isinstance(leaf, Compound):
        yield from _runs(Word(leaf.text), near, words)
        yield from _runs(Phrase(leaf.parts), near, words)
        return
    if isinstance(leaf, Phrase):
        for last in range(len(words)):
            firsts = _begins(leaf, words, last, len(leaf.words) - 1)
            if firsts:
                yield max(firsts), last
        return
    for number, word in enumerate(words):
        if _fits(leaf, near, word.text):
            yield number, number


def _begins(phrase, words, last, nth):
    """Where the first words may be, if the word of this number is the nth of a phrase."""
    if not _stands(phrase.words[nth], words[last].text, phrase.exact):
        return set()
    if nth == 0:
        return {last}
    ends = words[last].position
    before = [at for at in range(last) if 0 < ends - words[at].position <= 1 + phrase.slop]
    return {first for at in before for first in _begins(phrase, words, at, nth - 1)}


def _stands(sought, word, exact):
    if "*" in sought or "?" in sought:
        return fnmatchcase(fold(word), sought.replace("[", "[[]"))
    return _same(sought, word, exact)


def _fits(leaf, near, word):
    if isinstance(leaf, Fuzzy):
        return fold(word) in near(leaf)
    if isinstance(leaf, Pattern):
        return fnmatchcase(fold(word), leaf.text.replace("[", "[[]"))
    return _same(leaf.text, word, leaf.exact)


def _same(sought, word, exact):
    return fold(word) == sought if exact else stem(word) == stem_of(sought)
