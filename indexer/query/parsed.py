"""A query read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import msgspec

from ..model import Notice
from .nodes import Keyword, Node, Plain, all_of


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

    def with_parts(self, plain: Sequence[Node], rest: Sequence[Node]) -> ParsedQuery:
        """The same with other words, and with what else must hold or nothing."""
        if not (plain or rest):
            return self
        return self._replace(
            plain=tuple(cast("Sequence[Plain]", plain)),
            rest=rest[0] if rest else None,
            node=all_of([*plain, *rest]),
        )
