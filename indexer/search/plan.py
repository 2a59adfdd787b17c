"""A tree of nodes → a plan: leaves over the segments of a snapshot, and steps in postfix order.

Both executors run plans. A leaf gives rows with scores, or documents that it selects; a step
combines what the steps before it selected. For a cluster, leaves are queries (`cluster.plans`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from heapq import nlargest
from math import log
from typing import NamedTuple, TypeAlias

import numpy as np

from ..languages import Language
from ..query.nodes import All, Either, Everything, KnownNode, Node, Plain, TextNode, Without, Word
from ..query.parsed import ParsedQuery
from ..ranking import FUNCTION_WEIGHT, LEAD_WEIGHT
from .expand import Budget
from .select import Selector
from .words import RowsLeaf, SetLeaf, Term

#: A step: a leaf; all, or any, of the steps named; the first but not the second; every
#: document; the first, with scores of the others where they match.
LEAF, ALL, EITHER, WITHOUT, EVERY, ALSO = range(6)

#: So many words of a longer text are searched for, those that weigh most.
MAX_WORDS = 64
_MOST_WEIGHED = 4096
#: What a story must hold of a query to be listed, as a share of what its heaviest words weigh.
LEAST_SHARE, HEAVIEST = 0.3, 3
#: What a related article must score to count as a match, as a part of the query's weight.
MATCHING = 0.15
#: Function words that weigh less than this, beside the heaviest word, are not scored.
TELLING = 0.05
#: Function words weigh as others do in queries of so many words, and of so many others.
SHORT, FEW = 4, 2


Leaf: TypeAlias = Term | RowsLeaf | SetLeaf


class Step(NamedTuple):
    """What a step does; `parts` are numbers of earlier steps, for LEAF that of a leaf."""

    kind: int
    parts: tuple[int, ...] = ()


class Plan(NamedTuple):
    """Leaves, and steps each of which comes after those it needs; the last is the whole.

    nodes: the node that each leaf was made of
    words: the step whose parts are the plain words; None in a plan without them
    telling: whether anything but function words is searched
    kept: the plain words that are searched, without function words beside others
    least: where not all words need be there, how much those in a document must weigh together
    """

    leaves: list[Leaf]
    steps: list[Step]
    nodes: list[Node]
    words: int | None = None
    telling: bool = True
    kept: tuple[Plain, ...] = ()
    least: float = 0.0

    @property
    def sets(self) -> frozenset[int]:
        """The leaves that score nothing."""
        places = [n for n, leaf in enumerate(self.leaves) if isinstance(leaf, SetLeaf)]
        return frozenset(places)

    @property
    def wide(self) -> bool:
        """Whether stories may lack some of the words."""
        return self.counted is not None

    @property
    def lead(self) -> float:
        """What the score of a lead is multiplied by."""
        return 1.0 if self.wide else LEAD_WEIGHT

    @property
    def enough(self) -> float:
        """What a related article must score to count as a match."""
        weight = sum(leaf.weight for leaf in self.leaves if leaf.word)
        return float(np.float32(MATCHING * weight))

    @property
    def counted(self) -> int | None:
        """The step that selects what has any of its parts, of which documents may have all."""
        if self.words is None or self.steps[self.words].kind != EITHER:
            return None
        return self.words

    @property
    def required(self) -> int:
        """How many words there are of which all must be there, or may be left out."""
        return 0 if self.words is None else len(self.steps[self.words].parts)

    def widened(self) -> Plan | None:
        """The plan that any of the words suffices for; None if there is only one."""
        if self.words is None or self.required < 2:
            return None
        steps = list(self.steps)
        steps[self.words] = steps[self.words]._replace(kind=EITHER)
        weights = [self.leaves[steps[part].parts[0]].weight for part in steps[self.words].parts]
        return self._replace(steps=steps, least=LEAST_SHARE * sum(nlargest(HEAVIEST, weights)))


def plan_of(selector: Selector, parsed: ParsedQuery) -> Plan:
    """The plan of a query of leaves that a selector gives.

    Its plain words must all match, as the rest must. Function words need not match beside others,
    and score if they tell anything. Raises `QueryError`, `QueryTooCostly`, `IndexCorrupt`.
    """
    build, rest = _Builder(selector), parsed.rest
    if not parsed.plain:
        build.add(parsed.node)
        return Plan(build.leaves, build.steps, build.nodes)
    parted = divide(parsed.plain, rest, selector.dictionary.language, selector.weight)
    parts = [build.leaf(_merged(build, group), group[0]) for group in parted.groups]
    words = build.step(ALL, parts)
    if rest is not None:
        build.step(ALL, (words, build.add(rest)))
    if parted.others:
        build.also(parted.others, len(parts))
    return Plan(build.leaves, build.steps, build.nodes, words, parted.telling, parted.kept)


class Divided(NamedTuple):
    """Plain words, told apart by whether they must match.

    groups: those that must, with others of the same stem
    others: function words, which need not
    """

    groups: list[list[Plain]]
    others: list[Word]
    telling: bool

    @property
    def kept(self) -> tuple[Plain, ...]:
        """The words that must match, each once."""
        return tuple(dict.fromkeys(node for group in self.groups for node in group))


def divide(
    plain: Iterable[Plain], rest: Node | None, language: Language, weight: Callable[[Plain], float]
) -> Divided:
    """Which words must match beside `rest`: of a long text those that weigh most, in their order.

    Of a huge one, they are among its first.
    """
    content: dict[object, list[Plain]] = {}
    function: list[Word] = []
    for node in plain:
        if isinstance(node, Word) and is_function(node, language):
            function.append(node)
        else:
            key: object = node
            if isinstance(node, Word) and not node.acronym:
                key = language.stem_of(node.text)
            content.setdefault(key, []).append(node)
    groups, telling = list(content.values()), bool(content) or rest is not None
    if not telling:
        groups, function = [[node] for node in dict.fromkeys(function)], []
    if len(groups) > MAX_WORDS:
        groups, function = groups[:_MOST_WEIGHED], []
        weights = [weight(group[0]) * (1 + log(len(group))) for group in groups]
        best = nlargest(MAX_WORDS, range(len(groups)), key=weights.__getitem__)
        groups = [groups[place] for place in sorted(best)]
    return Divided(groups, function, telling)


def is_function(node: Plain, language: Language) -> bool:
    """Whether a word need not match beside others."""
    words = language.function_words
    return isinstance(node, Word) and not node.acronym and node.text in words


def _merged(build: _Builder, group: list[Plain]) -> Leaf:
    words = [node for node in group if isinstance(node, Word)]
    if words and not words[0].acronym:
        return build.selector.term([word.text for word in words], words[0].weight)
    return build.text_leaf(group[0])


class _Builder:
    """A plan in the making."""

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self.leaves: list[Leaf] = []
        self.steps: list[Step] = []
        self.nodes: list[Node] = []
        self._budget = Budget()
        self._known: dict[TextNode, Leaf] = {}

    def step(self, kind: int, parts: Iterable[int] = ()) -> int:
        """Add a step; returns its number."""
        self.steps.append(Step(kind, tuple(parts)))
        return len(self.steps) - 1

    def leaf(self, leaf: Leaf, node: Node) -> int:
        """Add the leaf of a node, and the step that it is."""
        self.leaves.append(leaf)
        self.nodes.append(node)
        return self.step(LEAF, (len(self.leaves) - 1,))

    def add(self, node: Node) -> int:
        """Add the steps of a tree; returns the number of the last."""
        if isinstance(node, Everything):
            return self.step(EVERY)
        if isinstance(node, Without):
            return self.step(WITHOUT, (self.add(node.wanted), self.add(node.unwanted)))
        if isinstance(node, All | Either):
            return self._joined(node)
        if isinstance(node, KnownNode):
            return self.leaf(self.selector.documents(node), node)
        return self.leaf(self.text_leaf(node), node)

    def _joined(self, node: All | Either) -> int:
        kind = ALL if isinstance(node, All) else EITHER
        if not node.parts:
            return self.step(EVERY if kind == ALL else EITHER)
        texts = [part for part in node.parts if isinstance(part, TextNode)]
        others = [part for part in node.parts if not isinstance(part, TextNode)]
        parts = [self.add(part) for part in texts]
        if kind == ALL and texts and others:
            # Together, so that they can be matched as a group.
            parts = [self.step(ALL, parts)]
        return self.step(kind, [*parts, *(self.add(part) for part in others)])

    def text_leaf(self, node: TextNode) -> Leaf:
        """The leaf of a node that scores; the same again is not looked up again."""
        if isinstance(node, Word) and not (node.field or node.exact or node.acronym):
            return self.selector.term([node.text], node.weight)
        if node not in self._known:
            self._known[node] = self.selector.leaf(node, self._budget)
        return self._known[node]

    def also(self, words: list[Word], required: int) -> None:
        """Let function words add to scores, unless they weigh next to nothing."""
        counts = Counter(word.text for word in words)
        short = required + len(words) <= SHORT and required <= FEW
        factor = 1.0 if short else FUNCTION_WEIGHT
        heaviest = max((leaf.weight for leaf in self.leaves if leaf.word), default=0.0)
        parts = [len(self.steps) - 1]
        for text, count in counts.items():
            term = self.selector.term([text] * count, factor)
            if term.weight and term.weight * factor >= TELLING * heaviest:
                parts.append(self.leaf(term, Word(text)))
        if len(parts) > 1:
            self.step(ALSO, parts)
