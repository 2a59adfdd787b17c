"""Amounts, which are written in several ways: $44bn, $44 billion and 44B, 10% and 10 percent.

The sign of a currency is no word, so that an amount is a number and a unit that follows it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from ..analysis import PERCENT, is_number
from . import clauses
from .nodes import Alternatives, Node, Phrase

#: Units that mean the same, by how they are written.
_WRITTEN = (
    ("billion", "bn", "b"),
    ("million", "mn", "m"),
    ("trillion", "tn"),
    ("crore", "cr"),
    ("lakh", "lac"),
    (PERCENT, "per cent", "pc", "pct"),
)
#: `5 m` may be metres, and `10 pc` computers: these units stand right after a number.
CLINGING = frozenset(("b", "m", "pc"))
#: The words of a unit → those of each that means the same, itself too.
_UNITS = {
    tuple(unit.split()): tuple([tuple(other.split()) for other in units])
    for units in _WRITTEN
    for unit in units
}
_AMOUNT = re.compile(rf"\d\W*(?:{'|'.join(map(' '.join, _UNITS))})(?!\w)", re.IGNORECASE)
#: What stands for any words in quotes.
_GAP = re.compile(r"(?<=\s)\*(?:\s+\*)*(?=\s)")
_APART = re.compile(rf"\d\s+(?:{'|'.join(sorted(CLINGING))})(?!\w)", re.IGNORECASE)


def has_amount(text: str) -> bool:
    """Whether a unit follows a number in a text, be it part of the same word."""
    return "%" in text or _AMOUNT.search(text) is not None


class Unit(NamedTuple):
    """A unit among some words: `words[start:end]`, and the ways to write it."""

    start: int
    end: int
    ways: tuple[tuple[str, ...], ...]


def unit_at(words: Sequence[str], at: int) -> Unit | None:
    """The unit that begins at a place, if one does."""
    for end in (at + 2, at + 1):
        ways = _UNITS.get(tuple(words[at:end])) if end <= len(words) else None
        if ways:
            return Unit(at, end, ways)
    return None


def other_ways(number: Sequence[str], typed: Sequence[str], unit: Unit) -> list[tuple[str, ...]]:
    """Other words for an amount: those of its number and unit, which may be one: 44bn.

    typed: how the unit is written
    """
    found = []
    for way in unit.ways:
        clings = len(number) == 1 and way[0] in CLINGING
        if way != tuple(typed):
            found.append((number[0] + way[0],) if clings else (*number, *way))
    return found


def phrase(text: str, slop: int = 0, field: str | None = None) -> Node | None:
    """Words in quotes, as `clauses.phrase` reads them, with all their amounts in any way.

    A `*` alone has room for one word.
    """
    slop = max([slop, *[gap.count("*") for gap in _GAP.findall(text)]])
    typed = clauses.phrase(text, slop, field)
    if not isinstance(typed, Phrase):
        return typed
    apart = CLINGING if _APART.search(text) else frozenset()
    ways = dict.fromkeys([typed.words, *_ways(typed.words, apart)])
    phrases = tuple([msgspec.structs.replace(typed, words=way) for way in ways])
    return Alternatives(phrases) if len(phrases) > 1 else typed


def _ways(words: tuple[str, ...], apart: frozenset[str]) -> list[tuple[str, ...]]:
    """Ways to write words in a row; their amounts are all written alike.

    apart: what is no unit, since it stands apart from a number
    """
    units = [
        unit
        for at, (before, _) in enumerate(pairwise(words), 1)
        if is_number(before) and words[at] not in apart and (unit := unit_at(words, at))
    ]
    most = max([len(unit.ways) for unit in units], default=0)
    return [_written(words, units, style) for style in range(most)]


def _written(words: Sequence[str], units: Sequence[Unit], style: int) -> tuple[str, ...]:
    """Words whose units are written in one of their ways."""
    found: list[str] = []
    end = 0
    for unit in units:
        found += words[end : unit.start]
        found += unit.ways[min(style, len(unit.ways) - 1)]
        end = unit.end
    return (*found, *words[end:])
