"""A query read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import msgspec

from ..model import Notice
from .nodes import Address, Keyword, Node, Plain, all_of, leaves

#: Longer queries are pasted, and have words enough.
MOST_TYPED = 16


class TypedWord(msgspec.Struct, frozen=True, gc=False):
    """A plain word of the query and where it stands: `query[start:end]`."""

    text: str
    start: int
    end: int


class ParsedQuery(NamedTuple):
    """A query read.

    `node` selects the stories that have all that was asked for: `plain` and `rest`. `plain`
    are the words, as typed, that may be left out where too few stories have all of them;
    `rest` must hold always, and is None if there is nothing else. `scored` is false if no
    part of the query ranks stories. `words` are the words, for spelling, wherever they
    stand, in quotes too. `notices` name what was not taken as it looks, `values` the values of
    facets, and what to say of each that no story has.
    """

    node: Node
    plain: tuple[Plain, ...]
    rest: Node | None
    scored: bool
    words: tuple[TypedWord, ...]
    notices: tuple[Notice, ...] = ()
    values: tuple[tuple[Keyword, Notice], ...] = ()

    @classmethod
    def of(cls, node: Node) -> ParsedQuery:
        """A tree as a query whose stories are ranked."""
        return cls(node, (), node, True, ())

    def with_parts(self, plain: Sequence[Node], rest: Node | None) -> ParsedQuery:
        """The same with other words, and with what else must hold, if anything must."""
        if not plain and rest is None:
            return self
        node = all_of([*plain] if rest is None else [*plain, rest])
        return self._replace(plain=tuple(cast("Sequence[Plain]", plain)), rest=rest, node=node)

    def address_alone(self) -> ParsedQuery | None:
        """An address without the words that stand round it, which need not be found."""
        if not self.plain or self.rest is None:
            return None
        found = any(isinstance(leaf, Address) for leaf in leaves(self.rest))
        return self._replace(node=self.rest, plain=()) if found else None
