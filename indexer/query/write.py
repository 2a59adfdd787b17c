"""A tree of nodes → a query that reads as the same tree, for people to see.

`parse(write_query(node)).node == node` for what `parse` makes, but for words that are joined in
more than two parts, amounts such as 5m in quotes, amounts after `=`, and instants
finer than a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from ..analysis import PERCENT, is_number
from .nodes import (
    Address,
    All,
    Alternatives,
    Compound,
    DateRange,
    Either,
    Everything,
    FilterNode,
    Fuzzy,
    Keyword,
    Near,
    Node,
    NumberRange,
    Pattern,
    Phrase,
    Present,
    Without,
    Word,
)


def write_query(node: Node) -> str:
    """A query for a tree."""
    if isinstance(node, All):
        return " AND ".join([_grouped(part) for part in node.parts]) or "*"
    if isinstance(node, Either):
        return _either(node)
    if isinstance(node, Without):
        wanted = "" if isinstance(node.wanted, Everything) else f"{_grouped(node.wanted)} "
        return f"{wanted}-({write_query(node.unwanted)})"
    if isinstance(node, Word | Compound | Phrase | Pattern | Fuzzy):
        return _words(node)
    if isinstance(node, Near):
        return f"{write_query(node.left)} NEAR/{node.distance} {write_query(node.right)}"
    if isinstance(node, Alternatives):
        return write_query(node.parts[0])
    return _filter(node)


def _grouped(node: Node) -> str:
    alone = isinstance(node, All | Without | Near) or (isinstance(node, Either) and node.parts)
    return f"({write_query(node)})" if alone else write_query(node)


def _either(node: Either) -> str:
    match node.parts:
        case (Fuzzy() as near, Word() | Compound() | Alternatives()):
            return write_query(near)
        case ():
            return '""'
    return " OR ".join([_grouped(part) for part in node.parts])


def _words(node: Word | Compound | Phrase | Pattern | Fuzzy) -> str:
    field = f"{node.field}:" if node.field else ""
    weight = "" if node.weight == 1 else f"^{node.weight:g}"
    if isinstance(node, Word):
        text = f'"{node.text}"' if node.exact else node.text.upper() if node.acronym else node.text
    elif isinstance(node, Compound):
        text = _joined(node.parts, "-")
    elif isinstance(node, Phrase):
        slop = f"~{node.slop}" if node.slop else ""
        text = f'"{" ".join(_typed(node.words))}"{slop}' if node.exact else "".join(node.words)
        text = _joined(node.words, "&") if node.joined else text
    else:
        text = node.text if isinstance(node, Pattern) else f"{node.text}~{node.distance}"
    return f"{field}{text}{weight}"


def _typed(words: Sequence[str]) -> list[str]:
    """Words without those that are the beginning of a decimal number which follows."""
    following = [*words[1:], ""]
    return [
        one
        for one, other in zip(words, following, strict=True)
        if not (other.startswith(f"{one}.") and is_number(other))
    ]


def _joined(words: Sequence[str], sign: str) -> str:
    """A name or number: letters and digits are parted by nothing, unless either is one letter."""
    text, *others = _typed(words)
    for one, other in pairwise([text, *others]):
        if is_number(one) and other == PERCENT:
            text += "%"
            continue
        alike = is_number(one) == is_number(other)
        sizes = sorted(map(len, (one, other)))
        text += (sign if alike or (sizes[0] == 1 and sizes[1] <= 3) else "") + other
    return text


def _filter(node: FilterNode) -> str:
    if isinstance(node, Keyword):
        return f'{node.facet}:"{node.value}"'
    if isinstance(node, DateRange):
        if node.first is None and node.last is None:
            return "date:*"
        return f"date:[{_instant(node.first)} TO {_instant(node.last)}]"
    if isinstance(node, NumberRange):
        return _numbers(node)
    if isinstance(node, Address):
        return node.text
    return f"{node.field}:*" if isinstance(node, Present) else "*"


def _instant(instant: datetime | None) -> str:
    return "*" if instant is None else f"{instant.replace(tzinfo=None).isoformat()[:19]}Z"


def _numbers(node: NumberRange) -> str:
    if node.low is None and node.high is None:
        return f"{node.field}:*"
    if node.low is not None and node.low == node.high:
        return f"{node.field}:{node.low:g}"
    if node.low is not None and node.high is not None and not (node.low_open or node.high_open):
        return f"{node.field}:[{node.low:g} TO {node.high:g}]"
    parts = []
    if node.low is not None:
        parts.append(f"{node.field}:>{'' if node.low_open else '='}{node.low:g}")
    if node.high is not None:
        parts.append(f"{node.field}:<{'' if node.high_open else '='}{node.high:g}")
    return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"
