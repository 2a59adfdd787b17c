"""A query read."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from ..model import Notice
from .nodes import Keyword, Node, Plain


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
