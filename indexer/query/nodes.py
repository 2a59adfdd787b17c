"""A query as a tree of frozen nodes: what `parse` makes and search plans are made of.

A leaf selects stories by their words, or by what is known of them beside their words. The
words of leaves are folded, and as written: which terms of an index they stand for is found
out when a plan is made. A `field` is one of `schema.TEXT_FIELDS`, or None for anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import product
from typing import TypeAlias

import msgspec

#: Factors stop here, so that scores in single precision stay numbers.
MAX_WEIGHT = 1e4
#: Of alternatives near alternatives, so many pairs are sought.
MAX_PAIRS = 256


class Word(msgspec.Struct, frozen=True, gc=False):
    """Stories that have a word, also in another form of it unless `exact`.

    acronym: it was typed as acronyms are, and stories that write it so come first
    """

    text: str
    field: str | None = None
    weight: float = 1.0
    exact: bool = False
    acronym: bool = False


class Compound(msgspec.Struct, frozen=True, gc=False):
    """Stories that have a word, or its parts one after the other: covid19, covid 19."""

    text: str
    parts: tuple[str, ...]
    field: str | None = None
    weight: float = 1.0


class Phrase(msgspec.Struct, frozen=True):
    """Stories that have some words in this order, in one field of one article.

    words: each may be a pattern, as of `Pattern`
    slop: how many other words may stand between two neighbours
    joined: whether signs join them to one name or number, which weighs as its rarest word does
    """

    words: tuple[str, ...]
    slop: int = 0
    field: str | None = None
    weight: float = 1.0
    exact: bool = False
    joined: bool = False


def texts_of(node: Word | Compound | Phrase) -> tuple[str, ...]:
    """The folded words that a node was typed as."""
    if isinstance(node, Word):
        return (node.text,)
    return node.parts if isinstance(node, Compound) else node.words


class Alternatives(msgspec.Struct, frozen=True):
    """Stories that have any of some words, which count as one: the best of them."""

    parts: tuple[Word | Compound | Phrase, ...]
    weight: float = 1.0

    @property
    def field(self) -> None:
        """They may stand anywhere."""


class Inflected(Alternatives, frozen=True):
    """Stories that have a word, the first part, or what stands for it.

    That is a form of it in another language or, for a unit, its amount written in another way.
    """


class Pattern(msgspec.Struct, frozen=True, gc=False):
    """Stories that have a word which fits: `*` stands for any letters, `?` for one."""

    text: str
    field: str | None = None
    weight: float = 1.0

    @property
    def prefix(self) -> str | None:
        """What the words begin with, if the only sign is a `*` at the end."""
        begin = self.text[:-1]
        return begin if self.text[-1:] == "*" and "*" not in begin and "?" not in begin else None


class Fuzzy(msgspec.Struct, frozen=True, gc=False):
    """Stories that have a word at most `distance` edits from one.

    A near word scores `weight`, however rare it is.
    """

    text: str
    distance: int
    field: str | None = None
    weight: float = 1.0


#: What may be near another.
NearOperand: TypeAlias = Word | Compound | Phrase | Alternatives | Pattern


class Near(msgspec.Struct, frozen=True):
    """Stories in which one of two comes within `distance` words of the other, in any order."""

    left: NearOperand
    right: NearOperand
    distance: int
    weight: float = 1.0

    @property
    def field(self) -> None:
        """Near each other they may stand anywhere."""


class Keyword(msgspec.Struct, frozen=True, gc=False):
    """Stories with a value of a facet, which may be a pattern.

    value: as typed, without quotes: a key, a domain, a name, or a word of a name
    """

    facet: str
    value: str


class DateRange(msgspec.Struct, frozen=True, gc=False):
    """Stories published from `first` to `last`, both included and in UTC; None: open."""

    first: datetime | None
    last: datetime | None


class NumberRange(msgspec.Struct, frozen=True, gc=False):
    """Stories whose number lies between two; None: open.

    field: one of `schema.NUMBER_FIELDS`
    low_open, high_open: the end itself is left out
    """

    field: str
    low: float | None
    high: float | None
    low_open: bool = False
    high_open: bool = False


class Address(msgspec.Struct, frozen=True, gc=False):
    """Stories with an article at this address, as typed."""

    text: str


class Present(msgspec.Struct, frozen=True, gc=False):
    """Stories that have any text in a field."""

    field: str


class Everything(msgspec.Struct, frozen=True, gc=False):
    """All stories."""


class All(msgspec.Struct, frozen=True):
    """Stories that all parts select; every story if there are no parts."""

    parts: tuple[Node, ...]


class Either(msgspec.Struct, frozen=True):
    """Stories that at least one part selects; none if there are no parts."""

    parts: tuple[Node, ...]


class Without(msgspec.Struct, frozen=True):
    """Stories that `wanted` selects and `unwanted` does not; only `wanted` scores."""

    wanted: Node
    unwanted: Node


#: A leaf that scores.
TextNode: TypeAlias = Word | Compound | Phrase | Alternatives | Pattern | Fuzzy | Near
#: A leaf that selects and never scores.
KnownNode: TypeAlias = Keyword | DateRange | NumberRange | Address | Present
FilterNode: TypeAlias = KnownNode | Everything
Node: TypeAlias = TextNode | FilterNode | All | Either | Without
#: What may be left out where too few stories have all of it.
Plain: TypeAlias = Word | Compound | Phrase | Alternatives


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below a node; none below a leaf."""
    if isinstance(node, All | Either):
        return node.parts
    return (node.wanted, node.unwanted) if isinstance(node, Without) else ()


def near_of(one: Node, other: Node, distance: int) -> Node | None:
    """Two, or any of their alternatives, near each other; None where these cannot be."""
    sides = _choices(one), _choices(other)
    count = len(sides[0]) * len(sides[1])
    if count > MAX_PAIRS:
        return None
    pairs: list[Node] = [
        Near(left, right, distance)
        for left, right in product(*sides)
        if isinstance(left, NearOperand) and isinstance(right, NearOperand)
    ]
    return either_of(pairs) if len(pairs) == count else None


def _choices(node: Node) -> list[Node]:
    """The alternatives of a tree, each for itself; the tree alone if it has none."""
    if not isinstance(node, Either):
        return [node]
    return [choice for part in node.parts for choice in _choices(part)]


def with_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """A node whose children are changed; a leaf as it is."""
    if isinstance(node, All | Either):
        return type(node)(tuple([change(part) for part in node.parts]))
    if isinstance(node, Without):
        return Without(change(node.wanted), change(node.unwanted))
    return node


def words_of(node: Phrase) -> list[Word | Pattern]:
    """The words of a phrase, or the patterns that stand in their place."""
    return [
        Pattern(text, node.field, node.weight)
        if "*" in text or "?" in text
        else Word(text, node.field, node.weight, node.exact)
        for text in node.words
    ]


def alternatives_of(node: Compound | Alternatives) -> tuple[Word | Compound | Phrase, ...]:
    """What any of suffices for a node."""
    if isinstance(node, Alternatives):
        return node.parts
    whole = Word(node.text, node.field, node.weight)
    return whole, Phrase(node.parts, 0, node.field, node.weight)


def leaves(node: Node) -> list[Node]:
    """The leaves of a tree in order, unwanted ones too."""
    below = children(node)
    if not below:
        return [] if isinstance(node, All | Either) else [node]
    return [leaf for child in below for leaf in leaves(child)]


def spread(node: Node) -> list[Plain]:
    """The words of a plain clause, each for itself."""
    if isinstance(node, All):
        return [word for part in node.parts for word in spread(part)]
    return [node] if isinstance(node, Plain) else []


def ranks(node: Node) -> bool:
    """Whether any part of a tree scores, so that its stories can be ranked."""
    if isinstance(node, All | Either):
        return any(map(ranks, node.parts))
    return ranks(node.wanted) if isinstance(node, Without) else isinstance(node, TextNode)


def scaled(node: Node, factor: float) -> Node:
    """The same selection, each leaf that scores with its weight multiplied."""
    if isinstance(node, Alternatives):
        parts = [scaled(part, factor) for part in node.parts]
        return msgspec.structs.replace(node, parts=tuple(parts))
    if isinstance(node, TextNode):
        weight = min(node.weight * factor, MAX_WEIGHT)
        return msgspec.structs.replace(node, weight=weight)
    if isinstance(node, Without):
        return Without(scaled(node.wanted, factor), node.unwanted)
    return with_children(node, lambda child: scaled(child, factor))


def all_of(parts: list[Node]) -> Node:
    """What all parts select, as small as can be: parts that select everything are dropped."""
    telling = [part for part in parts if not isinstance(part, Everything)]
    if not telling:
        return Everything()
    return telling[0] if len(telling) == 1 else All(tuple(telling))


def either_of(parts: list[Node]) -> Node:
    """What at least one of some parts selects; the part itself if it is alone."""
    return parts[0] if len(parts) == 1 else Either(tuple(parts))
