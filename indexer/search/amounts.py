"""Amounts in a query: `44bn` finds 44 billion, too, and `44 billion` 44bn; see `query.amounts`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import msgspec

from ..analysis import is_number
from ..query.amounts import CLINGING, has_amount, other_ways, unit_at
from ..query.nodes import (
    All,
    Alternatives,
    Compound,
    Inflected,
    Near,
    NearOperand,
    Node,
    Phrase,
    Word,
    leaves,
    texts_of,
    with_children,
)
from ..query.parsed import MOST_TYPED, ParsedQuery
from .words import Lexicon

#: What an amount written in another way counts beside one typed as a word, or in quotes: `5m`
#: may be metres.
_WEIGHT = 0.8

_DIGIT = re.compile(r"\d")

#: What an amount, or its unit, is typed as.
_Typed: TypeAlias = Word | Compound | Phrase


def with_amounts(parsed: ParsedQuery, lexicon: Lexicon) -> ParsedQuery:
    """A query whose amounts are found however they are written."""
    typed = " ".join([word.text for word in parsed.words])
    if len(parsed.words) > MOST_TYPED or not _DIGIT.search(typed):
        return parsed  # as most queries
    phrases = any(isinstance(leaf, Alternatives) for leaf in leaves(parsed.node))
    if not (phrases or has_amount(typed)):
        return parsed
    amounts = _Amounts(lexicon)
    rest = parsed.rest and amounts.within(parsed.rest)
    return parsed.with_parts(amounts.in_row(parsed.plain), rest)


@dataclass(frozen=True)
class _Amounts:
    """Puts other ways to write an amount beside the one typed."""

    lexicon: Lexicon

    def in_row(self, nodes: Sequence[Node]) -> list[Node]:
        """Nodes that follow each other, with all that is below them."""
        found = [self.within(node) for node in nodes]
        for at, node in enumerate(nodes[:-1]):
            number = _number_of(node)
            if number is None:
                continue
            words = [_word_of(other, number.field) for other in nodes]
            unit = unit_at(words, at + 1)
            if unit is None or words[unit.start] in CLINGING:
                continue
            ways = other_ways(texts_of(number), words[unit.start : unit.end], unit)
            for place in range(unit.start, unit.end):
                found[place] = self._beside(found[place], ways)
        return found

    def within(self, node: Node) -> Node:
        """A node with all that is below it."""
        if isinstance(node, All):
            return All(tuple(self.in_row(node.parts)))
        if isinstance(node, Near):
            sides = [cast("NearOperand", self.within(side)) for side in (node.left, node.right)]
            return msgspec.structs.replace(node, left=sides[0], right=sides[1])
        typed = _typed(node)
        if isinstance(node, Alternatives) and isinstance(typed, Phrase) and typed.exact:
            ways = [part.words for part in node.parts[1:] if isinstance(part, Phrase)]
            return self._beside(typed, ways, _WEIGHT)
        if isinstance(typed, Compound) or (isinstance(typed, Phrase) and typed.joined):
            *number, last = texts_of(typed)
            unit = unit_at([last], 0)
            if unit is not None and all(map(is_number, number)):
                return self._beside(node, other_ways(number, [last], unit), _WEIGHT)
        return with_children(node, self.within)

    def _beside(self, node: Node, ways: list[tuple[str, ...]], share: float = 1.0) -> Node:
        """A node, and other ways to write it, those that are known: each as rare as it is."""
        typed = _typed(node)
        if typed is None:
            return node
        own = texts_of(typed)
        self.lexicon.fetch([*own, *(word for way in ways for word in way)])
        weight = self._weight(own)
        others: list[_Typed] = []
        for way in ways:
            if not all(self.lexicon.frequency(word) for word in way if word not in own):
                continue
            theirs = self._weight(way)
            factor = share * typed.weight * (min(1.0, weight / theirs) if weight and theirs else 1)
            if isinstance(typed, Phrase) and typed.exact:
                others.append(msgspec.structs.replace(typed, words=way, weight=factor))
            elif len(way) == 1:
                others.append(Word(way[0], typed.field, factor))
            else:
                others.append(Phrase(way, 0, typed.field, factor, joined=True))
        if not others:
            return node
        if isinstance(node, Alternatives):
            return type(node)((*node.parts, *others))
        return (Inflected if isinstance(typed, Word) else Alternatives)((typed, *others))

    def _weight(self, words: Iterable[str]) -> float:
        return sum(map(self.lexicon.stem_weight, words))


def _typed(node: Node) -> _Typed | None:
    """What was typed of a node; None for what is no word, nor several."""
    typed = node.parts[0] if isinstance(node, Alternatives) else node
    return typed if isinstance(typed, _Typed) else None


def _word_of(node: Node, field: str | None) -> str:
    """A word in a field that may be a unit, or part of one; nothing for what is none."""
    typed = _typed(node)
    if isinstance(typed, Word) and typed.field == field and not (typed.exact or typed.acronym):
        return typed.text
    return ""


def _number_of(node: Node) -> Word | Phrase | None:
    """A number of one word, or of several; None for anything else."""
    if isinstance(node, Word | Phrase) and not node.exact:
        return node if all(map(is_number, texts_of(node))) else None
    return None
