"""A tree of nodes → a plan: the stories it selects as a query, and the leaves that score rows.

Which words must be there, and which count, is decided as in an index folder, by `search.plan`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, combinations
from typing import Any, TypeAlias, cast

from ..query.nodes import Alternatives, Compound, Near, Node, Phrase, Word, leaves, words_of
from ..query.parsed import ParsedQuery
from ..search import plan as shapes
from .clauses import EVERY, NONE, Query, every, some, without
from .scores import Leaf, Leaves

#: Parts of OR that a story must meet for their words to count, at most: what scores is said for
#: each choice of them.
_MOST_GATES = 4
#: A leaf, by number, and the gates by which it counts.
Gated: TypeAlias = tuple[int, tuple[int, ...]]


class Plan:
    """A plan of `search.plan` as queries.

    leaves: those that score, by number, and the gates by which each counts: only in stories that
        all of these select
    gates: parts of OR that are more than a leaf, as the stories that have them
    """

    def __init__(self, shape: shapes.Plan) -> None:
        self._shape = shape
        self.nodes = shape.nodes
        self.kept, self.telling, self.enough = shape.kept, shape.telling, shape.enough
        self.wide, self.lead, self.required = shape.wide, shape.lead, shape.required
        self._last = len(shape.steps) - 1
        self.gates: list[Query] = []
        self.leaves = [one for one in self._counting(self._last) if self.leaf(one[0]).scores]
        #: The stories that are listed, and of these those that have all the words.
        self.stories = self._select(self._last)
        self.complete = self._select(self._last, whole=True)

    def leaf(self, number: int) -> Leaf:
        """One of its leaves."""
        return cast("Leaf", self._shape.leaves[number])

    def widened(self) -> Plan | None:
        """The plan that any of the words suffices for; None if there is only one."""
        wider = self._shape.widened()
        return None if wider is None else Plan(wider)

    def _select(self, step: int, *, whole: bool = False) -> Query:
        """The stories that a step selects; `whole`: those with all the words."""
        kind, parts = self._shape.steps[step]
        if kind == shapes.LEAF:
            return self.leaf(parts[0]).stories
        if kind == shapes.EVERY:
            return EVERY
        if kind == shapes.ALSO:
            return self._select(parts[0], whole=whole)
        found = [self._select(part, whole=whole) for part in parts]
        if kind == shapes.WITHOUT:
            return without(*found)
        if step == self._shape.counted and not whole:
            return every([some(found), self._heavy(parts)])
        return every(found) if kind == shapes.ALL or step == self._shape.counted else some(found)

    def _heavy(self, words: Sequence[int]) -> Query:
        """Stories whose words weigh enough together."""
        leaves = [self.leaf(self._shape.steps[word].parts[0]) for word in words]
        held = [
            {"constant_score": {"filter": leaf.stories, "boost": leaf.weight}}
            for leaf in leaves if leaf.weight > 0
        ]  # fmt: skip
        return {
            "function_score": {
                "query": {"bool": {"should": held, "minimum_should_match": 1}},
                "functions": [],
                "min_score": self._shape.least * (1 - 1e-6),
            }
        }

    def _counting(self, step: int) -> list[Gated]:
        """The leaves that count for a step, but for those that are unwanted."""
        kind, parts = self._shape.steps[step]
        if kind == shapes.LEAF:
            return [(parts[0], ())]
        if kind == shapes.WITHOUT:
            parts = parts[:1]
        take = self._gated if kind == shapes.EITHER else self._counting
        return [one for part in parts for one in take(part)]

    def _gated(self, step: int) -> list[Gated]:
        """The leaves of a part of OR, which count where it is met."""
        found = self._counting(step)
        alone = self._shape.steps[step].kind not in (shapes.ALL, shapes.WITHOUT)
        if alone or len(self.gates) >= _MOST_GATES:
            return found
        self.gates.append(self._select(step))
        return [(leaf, (*gates, len(self.gates) - 1)) for leaf, gates in found]

    @property
    def scored(self) -> Query:
        """What scores stories: their best row, by the leaves that count in them."""
        return self._scored()

    @property
    def summed(self) -> Query:
        """What all rows of stories score, by the leaves that count."""
        return self._scored(lead=1.0, score_mode="sum")

    def _scored(self, **how: Any) -> Query:
        """The rows that score, by the leaves that count in a story."""
        used = sorted({gate for _, gates in self.leaves for gate in gates})
        if not used:
            return self.rows(**how)
        # The more gates a story passes, the more of its words count: the best is what it scores.
        each = [
            {"bool": {"must": [rows], "filter": [self.gates[gate] for gate in passed]}}
            for count in range(len(used) + 1)
            for passed in combinations(used, count)
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
            for leaf, gates in self.leaves
            if passed is None or set(gates) <= set(passed)
            for score in self.leaf(leaf).scores
        ]
        if not scores:
            return NONE
        weight = self.lead if lead is None else lead
        leads = {"filter": {"term": {"rows.lead": True}}, "weight": weight}
        query = {"function_score": {"query": {"bool": {"should": scores}}, "functions": [leads]}}
        return {"nested": {"path": "rows", "query": query, "score_mode": "max", **how}}


def plan_of(made: Leaves, parsed: ParsedQuery) -> Plan:
    """The plan of a query, whose words are asked for all at once."""
    made.dictionary.fetch(_forms_in([parsed.node]))
    return Plan(shapes.plan_of(cast("Any", made), parsed))


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
            yield from _forms_in(words_of(node))
