"""The plain words of a query, as brute force weighs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from indexer.languages.english import FUNCTION_WORDS
from indexer.query.nodes import (
    Compound,
    Node,
    Phrase,
    Word,
    leaves,
)
from tests.oracles.brute_rows import (
    Row,
    stem,
)

if TYPE_CHECKING:
    from tests.oracles.brute_force import Corpus

#: What may be left out.
Plain = Word | Compound | Phrase


class Words:
    """The plain words of a query: what each must be, and function words that only score."""

    def __init__(self, corpus: Corpus, plain: Sequence[Plain], rest: Node | None) -> None:
        self._corpus = corpus
        self._rest = rest
        content: dict[object, list[Plain]] = {}
        function = []
        for node in plain:
            if isinstance(node, Word) and node.text in FUNCTION_WORDS and not node.acronym:
                function.append(node.text)
            else:
                merges = isinstance(node, Word) and not node.acronym
                key = stem(node.text) if merges else node
                content.setdefault(key, []).append(node)
        self.wanted = [self._scorer(group) for group in content.values()]
        self.weights = [self._weight(group[0]) for group in content.values()]
        self.extra: list[Callable[[Row], float | None]] = []
        if content or rest is not None:
            self._add_function_words(function, [*content.values()])
        else:
            self.wanted = [self._term([text], 1.0) for text in dict.fromkeys(function)]
            self.weights = [self._corpus.weight(stem(text)) for text in dict.fromkeys(function)]

    def _weight(self, node: Plain) -> float:
        if isinstance(node, Word):
            return self._corpus.weight(stem(node.text))
        words = node.parts if isinstance(node, Compound) else node.words
        weights = [self._corpus.weight(stem(word)) for word in words]
        return max(weights) if isinstance(node, Phrase) and node.joined else sum(weights)

    def held(self, number: int) -> float:
        """What the words that a story has weigh."""
        return sum(
            weight
            for scorer, weight in zip(self.wanted, self.weights, strict=True)
            if self._has(scorer, number)
        )

    def _scorer(self, group: list[Plain]) -> Callable[[Row], float | None]:
        first = group[0]
        if isinstance(first, Word) and not first.acronym:
            return self._term([word.text for word in group], first.weight)
        return lambda row: self._corpus.leaf(row, first)

    def _term(self, texts: list[str], factor: float) -> Callable[[Row], float | None]:
        return lambda row: self._corpus.term(row, texts, factor)

    def _add_function_words(self, typed: list[str], content: list[list[Plain]]) -> None:
        short = len(content) + len(typed) <= 4 and len(content) <= 2
        factor = 1.0 if short else 0.1
        words = [group[0] for group in content] + ([] if self._rest is None else leaves(self._rest))
        heaviest = max(
            (
                self._corpus.weight(stem(word.text))
                for word in words
                if isinstance(word, Word) and word.field is None and not word.exact
            ),
            default=0.0,
        )
        for text, count in Counter(typed).items():
            weight = self._corpus.weight(stem(text))
            if weight and weight * factor >= 0.05 * heaviest:
                self.extra.append(self._term([text] * count, factor))

    def _has(self, scorer: Callable[[Row], float | None], number: int) -> bool:
        return any(scorer(row) is not None for row in self._corpus.rows[number])

    def missing(self, number: int) -> int:
        """How many of the words that must be there a story lacks."""
        return sum(not self._has(scorer, number) for scorer in self.wanted)

    def scorers(self, number: int) -> list[Callable[[Row], float | None]]:
        """What scores the rows of a story."""
        rest = [] if self._rest is None else self._corpus._counting(self._rest, number)
        return [*self.wanted, *self._corpus._scorers(rest), *self.extra]
