"""Leaves of a query → the stories that have them, and what rows score for them (`ranking`)."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

from ..query.nodes import (
    Alternatives,
    Compound,
    Fuzzy,
    Inflected,
    KnownNode,
    Near,
    Pattern,
    Phrase,
    TextNode,
    Word,
    alternatives_of,
    words_of,
)
from ..query.write import write_query
from ..ranking import AS_WRITTEN, FUNCTION_WEIGHT, LIGHT_SHARE, STEM_SHARE, word_weight
from ..search.expand import Budget
from ..search.sought import weight_of
from .clauses import NONE, Clauses, Query
from .names import INSIDE
from .words import Words, saturated


class Leaf(NamedTuple):
    """A leaf of a plan: the stories that have it, and what rows score for it.

    weight: W of what is sought, for comparing it with others
    words: folded words with the same stem, as typed, or the forms of a word in other languages;
        none for any other leaf
    """

    stories: Query
    scores: Sequence[Query] = ()
    weight: float = 0.0
    words: tuple[str, ...] = ()

    @property
    def word(self) -> bool:
        """Whether it is one word, which others are compared with."""
        return bool(self.words)


class Leaves:
    """Makes leaves of plans, as `search.select.Selector` does; safe to share between threads."""

    def __init__(self, words: Words, clauses: Clauses) -> None:
        self.dictionary = self._words = words
        self._clauses = clauses

    def term(self, texts: list[str], weight: float) -> Leaf:
        """Folded words with the same stem."""
        stories = self._clauses.stories(Word(texts[0]))
        scores = self._of_words(texts, weight)
        return Leaf(stories, scores, self._words.stem_weight(texts[0]), tuple(texts))

    def leaf(self, node: TextNode, budget: Budget) -> Leaf:
        """A node that scores."""
        words = tuple(map(write_query, node.parts)) if isinstance(node, Inflected) else ()
        return Leaf(self._clauses.stories(node), self.of(node), self.weight(node), words)

    def documents(self, node: KnownNode) -> Leaf:
        """A node that scores nothing."""
        return Leaf(self._clauses.known(node))

    def of(self, node: TextNode) -> list[Query]:
        """What rows score for a node; each of these adds to it."""
        if isinstance(node, Word) and node.field is None and not node.exact:
            return self._word(node)
        rows = self._clauses.rows(node)
        if rows is NONE:
            return []
        if isinstance(node, Pattern | Fuzzy):
            return [{"constant_score": {"filter": rows, "boost": node.weight}}]
        if isinstance(node, Compound | Alternatives):
            found = [{"bool": {"should": self.of(part)}} for part in alternatives_of(node)]
            telling = [part for part in found if part["bool"]["should"]]
            return [{"dis_max": {"queries": telling}}] if telling else []
        return [{"bool": {"filter": [rows], "should": self._parts(node)}}]

    def _parts(self, node: Word | Phrase | Near) -> list[Query]:
        """What the words of a node add where it stands."""
        if isinstance(node, Near):
            return [*self.of(node.left), *self.of(node.right)]
        found: list[Query] = []
        for word in [node] if isinstance(node, Word) else words_of(node):
            if isinstance(word, Pattern):
                found += self.of(word)
            elif word.exact:
                found += self._as_written(word)
            else:
                found += self._word(word)
        return found

    def _word(self, node: Word) -> list[Query]:
        if node.acronym:
            return self._acronym(node)
        return self._of_words([node.text], node.weight, node.field)

    def _of_words(
        self, texts: Sequence[str], weight: float, field: str | None = None
    ) -> list[Query]:
        """What rows score for folded words that have the same stem, in a field or anywhere."""
        words, keys = self._words, self._words.keys
        factor = weight * (1 + log(len(texts)))
        stem = keys(texts[0]).stem
        share = LIGHT_SHARE * factor / len(texts)
        lights: dict[str, float] = {}
        for form in texts:
            light = keys(form).light
            lights[light] = lights.get(light, 0.0) + share * words.weight(light)
        found = [_in_field(field, stem, STEM_SHARE * words.weight(stem) * factor)]
        for form in dict.fromkeys(texts):
            more = saturated(keys(form).written, (AS_WRITTEN - 1) * lights[keys(form).light])
            if more is not None and field is not None:
                inside = self._clauses.rows(Word(form, field, exact=True))
                more = {"bool": {"filter": [inside], "should": [more]}}
            found.append(more)
        alike = [clause for light in lights.items() if (clause := _in_field(field, *light))]
        if len(alike) > 1:
            alike = [{"dis_max": {"queries": alike}}]
        return [clause for clause in (*found, *alike) if clause is not None]

    def _as_written(self, node: Word) -> list[Query]:
        keys = self._words.keys(node.text)
        value = STEM_SHARE * self._words.weight(keys.stem)
        value += LIGHT_SHARE * AS_WRITTEN * self._words.weight(keys.light)
        clause = saturated(keys.written, value * node.weight)
        return [] if clause is None else [clause]

    def _acronym(self, node: Word) -> list[Query]:
        """A word that counts more where it is written in capitals."""
        keys, factor = self._words.keys(node.text), self._factor(node)
        own = STEM_SHARE * self._words.weight(keys.stem) * node.weight * factor
        capital = (1 - STEM_SHARE * factor) * self._capital(node)
        found = [
            _in_field(node.field, keys.stem, own), _in_field(node.field, keys.capitals, capital),
        ]  # fmt: skip
        return [clause for clause in found if clause is not None]

    def _factor(self, node: Word) -> float:
        return FUNCTION_WEIGHT if node.text in self._words.language.function_words else 1.0

    def _capital(self, node: Word) -> float:
        df = self._words.count(self._words.keys(node.text).capitals).stories
        return word_weight(self._words.rows, df, df) * node.weight

    def weight(self, node: TextNode) -> float:
        """W of a leaf, that of its words together."""
        if isinstance(node, Word) and node.acronym:
            factor = self._factor(node)
            capital = (1 - STEM_SHARE * factor) * self._capital(node)
            return self._words.stem_weight(node.text) * factor * STEM_SHARE + capital
        return weight_of(node, lambda word: self._words.stem_weight(word.text))


def _in_field(field: str | None, key: str, weight: float) -> Query | None:
    """weight · sat(t) of a word within a field, which rows have where it is not that of the row."""
    whole = saturated(key, weight)
    if whole is None or field is None:
        return whole
    inside = saturated(INSIDE[field] + key, weight)
    elsewhere = {"bool": {"must": [whole], "must_not": [inside]}}
    return {"bool": {"should": [inside, elsewhere]}}
