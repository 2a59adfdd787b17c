"""A tree of nodes → a plan: the stories it selects as a query, and the leaves that score rows.

Which words must be there, and which count, is decided as in an index folder (`search.plan`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from itertools import chain, combinations
from typing import Any, NamedTuple

from ..query.nodes import (
    All,
    Alternatives,
    Compound,
    Either,
    Inflected,
    Near,
    Node,
    Phrase,
    Plain,
    TextNode,
    Without,
    Word,
    leaves,
)
from ..query.write import write_query
from ..ranking import LEAD_WEIGHT
from ..search.plan import HEAVIEST, LEAST_SHARE, MATCHING, TELLING, divide, factor_of_others
from .clauses import EVERY, NONE, Clauses, Query, every, some
from .scores import Scores
from .words import Words

#: Parts of OR that a story must meet for their words to count, at most: what scores is said for
#: each choice of them.
_MOST_GATES = 4


class Leaf(NamedTuple):
    """A part of a query that scores: what it is, the stories that have it, what rows score.

    words: folded words with the same stem, as typed, or the forms of a word in other languages;
        none for any other leaf
    gates: it counts only in stories that all of these select; see `Plan.gates`
    """

    label: str
    stories: Query
    scores: list[Query]
    weight: float
    words: tuple[str, ...] = ()
    gates: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is looked for.

    words: all must be there; with `least` set, some that weigh as much together
    rest: what else must be there
    leaves: all that scores
    gates: parts of OR that are more than a leaf, as the stories that have them
    """

    words: tuple[Leaf, ...]
    rest: Query
    leaves: tuple[Leaf, ...]
    gates: tuple[Query, ...] = ()
    telling: bool = True
    kept: tuple[Plain, ...] = ()
    least: float | None = None

    @property
    def wide(self) -> bool:
        """Whether stories may lack some of the words."""
        return self.least is not None

    @property
    def lead(self) -> float:
        """What the score of a lead is multiplied by."""
        return 1.0 if self.wide else LEAD_WEIGHT

    @property
    def enough(self) -> float:
        """What a related article must score to count as a match."""
        return MATCHING * sum(leaf.weight for leaf in self.leaves if leaf.words)

    @property
    def complete(self) -> Query:
        """The stories that have all the words."""
        return every([*(leaf.stories for leaf in self.words), self.rest])

    @property
    def stories(self) -> Query:
        """The stories that are listed."""
        if self.least is None:
            return self.complete
        held = [
            {"constant_score": {"filter": leaf.stories, "boost": leaf.weight}}
            for leaf in self.words if leaf.weight > 0
        ]  # fmt: skip
        enough = {
            "function_score": {
                "query": {"bool": {"should": held, "minimum_should_match": 1}},
                "functions": [],
                "min_score": self.least * (1 - 1e-6),
            }
        }
        return every([some([leaf.stories for leaf in self.words]), self.rest, enough])

    def widened(self) -> Plan | None:
        """The plan that any of the words suffices for; None if there is only one."""
        if len(self.words) < 2:
            return None
        heaviest = nlargest(HEAVIEST, [leaf.weight for leaf in self.words])
        return replace(self, least=LEAST_SHARE * sum(heaviest))

    @property
    def scored(self) -> Query:
        """What scores stories: their best row, by the leaves that count in them."""
        return self._counting()

    @property
    def summed(self) -> Query:
        """What all rows of stories score, by the leaves that count."""
        return self._counting(lead=1.0, score_mode="sum")

    def _counting(self, **how: Any) -> Query:
        """The rows that score, by the leaves that count in a story."""
        gates = sorted({gate for leaf in self.leaves if leaf.scores for gate in leaf.gates})
        if not gates:
            return self.rows(**how)
        # The more gates a story passes, the more of its words count: the best is what it scores.
        each = [
            {"bool": {"must": [rows], "filter": [self.gates[gate] for gate in passed]}}
            for count in range(len(gates) + 1)
            for passed in combinations(gates, count)
            if (rows := self.rows(passed, **how)) is not NONE
        ]
        return {"dis_max": {"queries": each}} if each else NONE

    def rows(
        self, passed: Collection[int] | None = None, lead: float | None = None, **how: Any
    ) -> Query:
        """The rows that score, by the leaves that count where some gates are passed; None: all.

        lead: what the score of a lead is multiplied by; None for `Plan.lead`
        """
        scores = [
            score
            for leaf in self.leaves
            if passed is None or set(leaf.gates) <= set(passed)
            for score in leaf.scores
        ]
        if not scores:
            return NONE
        weight = self.lead if lead is None else lead
        leads = {"filter": {"term": {"rows.lead": True}}, "weight": weight}
        query = {"function_score": {"query": {"bool": {"should": scores}}, "functions": [leads]}}
        return {"nested": {"path": "rows", "query": query, "score_mode": "max", **how}}


class Planner:
    """Makes plans; safe to share between threads."""

    def __init__(self, words: Words, clauses: Clauses) -> None:
        self._words = words
        self._clauses = clauses
        self._scores = Scores(words, clauses)

    def plan(self, node: Node) -> Plan:
        """The plan of a tree."""
        self._words.fetch(_forms_in([node]))
        gates: list[Query] = []
        leaves = tuple(self._leaves(node, gates))
        return Plan((), self._clauses.stories(node), leaves, tuple(gates))

    def words(self, plain: Sequence[Plain], rest: Node | None) -> Plan:
        """The plan of plain words, all of which must match, as `rest` must."""
        self._words.fetch(_forms_in([*plain, *([] if rest is None else [rest])]))
        gates: list[Query] = []
        parted = divide(plain, rest, self._words.language, self._scores.weight)
        leaves = [self._leaf(group) for group in parted.groups]
        besides = self._leaves(rest, gates) if rest is not None else []
        heaviest = max((leaf.weight for leaf in (*leaves, *besides) if leaf.words), default=0.0)
        also = self._also(parted.others, len(leaves), heaviest)
        return Plan(
            words=tuple(leaves),
            rest=EVERY if rest is None else self._clauses.stories(rest),
            leaves=(*leaves, *besides, *also),
            gates=tuple(gates),
            telling=parted.telling,
            kept=parted.kept,
        )

    def _leaves(self, node: Node, gates: list[Query]) -> list[Leaf]:
        """The leaves of a tree that are words; those that are unwanted score nothing."""
        if isinstance(node, All | Either):
            take = self._leaves if isinstance(node, All) else self._gated
            # Explanations name them in the order of a folder.
            parts = sorted(node.parts, key=lambda part: not isinstance(part, TextNode))
            return [leaf for part in parts for leaf in take(part, gates)]
        if isinstance(node, Without):
            unwanted = [leaf._replace(scores=[]) for leaf in self._leaves(node.unwanted, gates)]
            return [*self._leaves(node.wanted, gates), *unwanted]
        return [self._leaf([node])] if isinstance(node, TextNode) else []

    def _gated(self, part: Node, gates: list[Query]) -> list[Leaf]:
        """The leaves of a part of OR, which count where it is met."""
        leaves = self._leaves(part, gates)
        if not isinstance(part, All | Without) or len(gates) >= _MOST_GATES:
            return leaves
        gates.append(self._clauses.stories(part))
        gate = len(gates) - 1
        return [leaf._replace(gates=(*leaf.gates, gate)) for leaf in leaves]

    def _leaf(self, group: Sequence[TextNode]) -> Leaf:
        """The leaf of a node, or of words that have the same stem."""
        first = group[0]
        texts: tuple[str, ...] = ()
        scores = self._scores.of(first)
        if isinstance(first, Word) and not (first.acronym or first.field or first.exact):
            texts = tuple([word.text for word in group if isinstance(word, Word)])
            scores = self._scores.words(texts, first.weight)
        weight = self._scores.weight(first)
        if isinstance(first, Inflected):
            texts = tuple([word.text for word in first.parts if isinstance(word, Word)])
        return Leaf(write_query(first), self._clauses.stories(first), scores, weight, texts)

    def _also(self, words: list[Word], required: int, heaviest: float) -> list[Leaf]:
        """Function words that add to scores, unless they weigh next to nothing."""
        factor = factor_of_others(required, len(words))
        found = []
        for text, count in Counter(word.text for word in words).items():
            weight = self._words.stem_weight(text)
            if weight and weight * factor >= TELLING * heaviest:
                scores = self._scores.words([text] * count, factor)
                found.append(Leaf(text, EVERY, scores, weight, (text,)))
        return found


def _forms_in(nodes: Iterable[Node]) -> Iterator[str]:
    """The folded words of trees, without patterns."""
    for node in chain.from_iterable(map(leaves, nodes)):
        if isinstance(node, Alternatives):
            yield from _forms_in(node.parts)
        elif isinstance(node, Near):
            yield from _forms_in([node.left, node.right])
        elif isinstance(node, Word | Compound):
            yield node.text
            yield from node.parts if isinstance(node, Compound) else ()
        elif isinstance(node, Phrase):
            yield from (word for word in node.words if "*" not in word and "?" not in word)
